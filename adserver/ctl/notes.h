/*
 * notes: what is allowed but will not do what was meant: an entry that points nowhere, a campaign
 * with nothing to show, a field without effect yet.
 */
#ifndef CTL_NOTES_H
#define CTL_NOTES_H

#include "ctl/change.h"

/* Of entries just changed, as warnings. */
void notes_of_changes(struct tool *tool, const struct changes *changes);

/* Of all entries, on tool->out; returns how many. `all` holds every kind. */
unsigned notes_of_all(struct tool *tool, const struct entries *all);

#endif
