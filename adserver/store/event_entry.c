#include "store/event_entry.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/base64url.h"
#include "decision/model.h"
#include "store/impression.h"

const struct event_field_row event_field_rows[EVENT_FIELD_COUNT] = {
#define EVENT_FIELD(name, word, type) [EVENT_FIELD_##name] = {word, EVENT_TYPE_##type},
#include "store/event_entry.def"
#undef EVENT_FIELD
};

/* ---- Ids ---- */

bool event_id_read(struct slice text, struct event_id *ret)
{
    size_t dash = slice_find(text, '-');
    struct event_id id;
    if (!slice_to_u64(slice_of(text.ptr, dash), UINT64_MAX, &id.ms) ||
        !slice_to_u64(slice_from(text, dash + 1), UINT64_MAX, &id.sequence))
        return false;
    *ret = id;
    return true;
}

const char *event_id_write(struct event_id id, char ret[EVENT_ID_TEXT_MAX])
{
    (void)snprintf(ret, EVENT_ID_TEXT_MAX, "%" PRIu64 "-%" PRIu64, id.ms, id.sequence);
    return ret;
}

int event_id_compare(struct event_id a, struct event_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.sequence > b.sequence) - (a.sequence < b.sequence);
}

/* ---- Values ---- */

static bool is_word(struct slice text)
{
    if (text.len == 0 || text.len > EVENT_WORD_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] < 'a' || text.ptr[i] > 'z') && text.ptr[i] != '_')
            return false;
    }
    return true;
}

static bool is_impression(struct slice text)
{
    uint8_t bytes[IMPRESSION_BYTES];
    size_t len;
    return base64url_decode(text, bytes, sizeof bytes, &len) && len == sizeof bytes;
}

static bool is_number(struct slice text)
{
    uint64_t number;
    bool below = slice_starts(text, SLICE("-"));
    struct slice digits = slice_from(text, below);
    return slice_to_u64(digits, INT64_MAX, &number) && (digits.len == 1 || digits.ptr[0] != '0') &&
           !(below && number == 0);
}

static bool is_of(enum event_field_type type, struct slice text)
{
    switch (type) {
    case EVENT_TYPE_WORD:
        return is_word(text);
    case EVENT_TYPE_ID:
        return id_is_valid(text);
    case EVENT_TYPE_IMPRESSION:
        return is_impression(text);
    case EVENT_TYPE_FLAG:
        return slice_eq(text, SLICE("0")) || slice_eq(text, SLICE("1"));
    case EVENT_TYPE_NUMBER:
        return is_number(text);
    }
    return false;
}

/* ---- Entries ---- */

/* The first field of that name; false: there is none. */
static bool find_value(const struct redis_reply *fields, const char *name, struct slice *ret)
{
    for (size_t i = 0; i + 1 < fields->count; i += 2) {
        const struct redis_reply *pair = &fields->items[i];
        if (pair[0].type != REDIS_STRING || pair[1].type != REDIS_STRING ||
            !slice_eq(pair[0].text, slice_cstr(name)))
            continue;
        *ret = pair[1].text;
        return true;
    }
    return false;
}

bool event_entry_read(const struct redis_reply *reply, struct event_entry *ret)
{
    if (reply->type != REDIS_ARRAY || reply->count != 2 || reply->items[0].type != REDIS_STRING ||
        !event_id_read(reply->items[0].text, &ret->id) || reply->items[1].type != REDIS_ARRAY)
        return false;
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        if (!find_value(&reply->items[1], event_field_rows[i].name, &ret->values[i]) ||
            !is_of(event_field_rows[i].type, ret->values[i]))
            return false;
    }
    return true;
}
