/*
 * entry: a slot, campaign or creative as adctl handles it: the raw fields of its hash.
 *
 * Entries and their texts live in the command's arena. A field with an empty value is one that is
 * not given.
 */
#ifndef CTL_ENTRY_H
#define CTL_ENTRY_H

#include "base/arena.h"
#include "ctl/mistakes.h"
#include "decision/record.h"

struct entry {
    enum record_kind kind;
    struct slice id;
    struct record_field *fields; /* in the order of the kind's rows; no name twice */
    unsigned count;
    /* As it stands in Redis: */
    bool listed;             /* its id is in the set of its kind */
    struct slice redis_type; /* of its key: "hash", "none", "string" … */
    /* As it stands in a file, for messages: "campaigns[2].creatives[0]" */
    struct slice path;
};

/* Whether there is anything of it in Redis. */
bool entry_exists(const struct entry *entry);

/* "campaign spring", for messages: foreign bytes escaped. Four at a time live. */
const char *entry_name(const struct entry *entry);

/* The row of a field's name; NULL where the kind has no such field. */
const struct record_form_row *entry_row(enum record_kind kind, struct slice name);

/* The field's value; empty where it is not given. */
struct slice entry_value(const struct entry *entry, struct slice name);

/* Puts the fields in the order of their rows; what has no row stands last, by name. */
void entry_sort_fields(struct entry *entry);

/*
 * A copy that has `edits` as well: a value takes the place of the one before, an empty one removes
 * the field. The copy is listed.
 */
struct entry *entry_edit(const struct entry *entry, const struct record_field *edits,
                         unsigned count, struct arena *arena);

/*
 * Redis keeps no empty hash: a slot of which nothing is said is given its status. Its fields must
 * have room for one more.
 */
void entry_fill(struct entry *entry);

/* By kind, then by id. For qsort and bsearch of arrays of entries. */
int entry_compare(const void *a, const void *b);

/*
 * What is different: for each such field its value before and after, with a NULL pointer where it
 * was or will be absent. Same values in another form (a list with blanks, 3.20 and 3.2) are none.
 */
typedef void entry_difference_fn(struct slice name, struct slice before, struct slice after,
                                 void *arg);
void entry_differences(const struct entry *before, const struct entry *after,
                       entry_difference_fn *fn, void *arg);

/*
 * Checks it by the rules of decision/record.h and adds every mistake that can be told apart.
 * `where` stands before the field's name, `joint` between. False when there was one.
 */
bool entry_check(const struct entry *entry, const char *where, const char *joint,
                 struct mistakes *mistakes);

#endif
