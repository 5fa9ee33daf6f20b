/*
 * hashes: entries as they stand in Redis: an id set and a hash for each entry, a kind of its own
 * for slots, campaigns and creatives.
 *
 * What is read is copied into the command's arena. All of it is suspect: ids and fields may hold
 * anything, and keys may be of another type. Failures are noted in the tool's mistakes.
 */
#ifndef CTL_HASHES_H
#define CTL_HASHES_H

#include "ctl/entry.h"
#include "ctl/tool.h"

#define HASHES_BATCH 64 /* entries asked for in one go */

/* "ad:campaigns" */
struct slice hashes_set_key(struct tool *tool, enum record_kind kind);
/* "ad:campaign:spring" */
struct slice hashes_key(struct tool *tool, enum record_kind kind, struct slice id);
/* The same for messages: foreign bytes escaped. */
const char *hashes_shown_key(struct tool *tool, const struct entry *entry);

/* False with a mistake noted where the key is there and holds something else than `type`. */
bool hashes_check_type(struct tool *tool, struct slice key, const char *type);

struct ids {
    struct slice *item; /* sorted */
    unsigned count;
};

/* The ids in a kind's set. */
bool hashes_read_ids(struct tool *tool, enum record_kind kind, struct ids *ret);
bool ids_have(const struct ids *ids, struct slice id);

/* Whether its key holds a hash. */
bool hashes_is_hash(const struct entry *entry);

/* Checks an entry as it was read. False when it has mistakes, which name its key. */
bool hashes_check(struct tool *tool, const struct entry *entry, struct mistakes *mistakes);

/* Reads the entries whose kind and id are filled in; one that is not there has no fields. */
bool hashes_read(struct tool *tool, struct entry *entries, unsigned count);
/* A single one; NULL on failure. */
struct entry *hashes_read_one(struct tool *tool, enum record_kind kind, struct slice id);

struct entries {
    struct entry *item; /* in the order of entry_compare() */
    unsigned count;
};

/* All that the sets of the kinds list; `kinds` has a bit (1 << kind) for each. */
#define HASHES_ALL_KINDS ((1u << RECORD_KIND_COUNT) - 1)
bool hashes_read_all(struct tool *tool, unsigned kinds, struct entries *ret);

#endif
