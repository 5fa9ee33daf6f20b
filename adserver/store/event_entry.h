/*
 * event_entry: one entry of a campaign's event stream (event_streams.h), read with suspicion.
 *
 * Anybody can write into Redis: an entry is taken where each field of event_entry.def is there and
 * of its type, so that whoever prints it need not think of what it may hold. Fields that are not in
 * the table are left out.
 */
#ifndef STORE_EVENT_ENTRY_H
#define STORE_EVENT_ENTRY_H

#include "store/redis.h"

#define EVENT_WORD_MAX    32 /* bytes */
#define EVENT_ID_TEXT_MAX 48 /* of an entry's id as text, with a NUL */

enum event_field_type {
    EVENT_TYPE_WORD,
    EVENT_TYPE_ID,
    EVENT_TYPE_IMPRESSION,
    EVENT_TYPE_FLAG,
    EVENT_TYPE_NUMBER,
};

enum event_field {
#define EVENT_FIELD(name, word, type) EVENT_FIELD_##name,
#include "store/event_entry.def"
#undef EVENT_FIELD
    EVENT_FIELD_COUNT
};

struct event_field_row {
    const char *name;
    enum event_field_type type;
};
extern const struct event_field_row event_field_rows[EVENT_FIELD_COUNT];

/* Where an entry stands in its stream, "<ms>-<sequence>": later ones have greater ids. */
struct event_id {
    uint64_t ms, sequence;
};

bool event_id_read(struct slice text, struct event_id *ret);
/* Returns `ret`. */
const char *event_id_write(struct event_id id, char ret[EVENT_ID_TEXT_MAX]);
/* Below 0, 0, above 0: a is before, at, behind b. */
int event_id_compare(struct event_id a, struct event_id b);

struct event_entry {
    struct event_id id;
    struct slice values[EVENT_FIELD_COUNT]; /* point into the reply */
};

/* `[id, [name, value, …]]`. False where it is none of ours; `ret->id` is set where it has one, and
 * else untouched. */
bool event_entry_read(const struct redis_reply *reply, struct event_entry *ret);

#endif
