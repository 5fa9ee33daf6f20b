/*
 * help: what `adctl -h` prints, and the parts of the manual page that come from the tables.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include "ctl/command.h"

/* All commands, a line each. */
void help_print(FILE *to);

/* One command; `kind` is its noun where it has kinds. */
void help_print_command(const struct command *command, enum record_kind kind, FILE *to);

/* The lists of commands and of fields in docs/adctl.1 (mdoc). */
void help_print_manual_commands(FILE *to);
void help_print_manual_fields(FILE *to);

#endif
