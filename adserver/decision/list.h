/*
 * list: comma separated values.
 */
#ifndef DECISION_LIST_H
#define DECISION_LIST_H

#include "base/arena.h"
#include "base/err.h"
#include "decision/model.h"

/*
 * The items of a list, without the blanks around them, in the order given; they point into `text`.
 * At most `max` (no more than LIST_MAX) of them, none empty. `err` says what is wrong.
 */
bool list_split(struct slice text, unsigned max, struct slice items[LIST_MAX], unsigned *ret_count,
                struct err *err);

/* What the items of a list must be, for list_parse(). */
struct list_form {
    const char *noun;                    /* "a country", for the message */
    bool (*is_valid)(struct slice item); /* without a leading `!` */
    bool excludes;                       /* items may begin with `!` */
};

/*
 * Splits, checks, sorts by bytes (so that what is excluded comes first) and refuses an item that
 * stands there twice. The result is copied to `arena`; with a NULL arena the text is only checked
 * and `ret` not used.
 */
bool list_parse(struct slice text, const struct list_form *form, struct arena *arena,
                struct slice_list *ret, struct err *err);

#endif
