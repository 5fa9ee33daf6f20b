/*
 * arguments: ids and field=value on the command line.
 */
#ifndef CTL_ARGUMENTS_H
#define CTL_ARGUMENTS_H

#include "ctl/command.h"
#include "ctl/hashes.h"

/*
 * The entries that the first `count` arguments name, as they stand in Redis. False with a mistake
 * noted for what is no id, or stands there twice.
 */
bool arguments_read_entries(struct tool *tool, const struct call *call, unsigned count,
                            struct entry **ret);

/* False with a mistake noted where there is nothing of it in Redis. */
bool arguments_must_exist(struct tool *tool, const struct entry *entry);

/* "weight=3"; everything behind the first `=` is the value. No field twice. */
bool arguments_read_fields(struct tool *tool, char *const *args, unsigned count,
                           struct record_field **ret);

#endif
