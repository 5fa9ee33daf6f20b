/*
 * list: entries of one kind as a table or as JSON.
 */
#ifndef CTL_LIST_H
#define CTL_LIST_H

#include "ctl/hashes.h"

/* A row an entry: its id, the fields that tell most, and what is the matter with it. */
void list_print(struct tool *tool, enum record_kind kind, const struct entry *const *entries,
                unsigned count, const char *indent);

/* An array of objects; what JSON can't hold is left out and noted as a mistake. */
void list_print_json(struct tool *tool, const struct entry *const *entries, unsigned count);

/* One object, without a line's end; false where JSON can't hold it, which is noted. */
bool list_print_object(struct tool *tool, const struct entry *entry, int indent);

/* "" for an entry that serves, else why not: "invalid: slots", "rests: countries". */
struct slice list_remark(struct tool *tool, const struct entry *entry);

#endif
