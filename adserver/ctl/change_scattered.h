/*
 * change_scattered: carries a change out in a cluster, whose entries stand at several servers.
 *
 * There is nothing that writes all of them or none: each entry is written in one step, if it still
 * is what the plan has seen (store/entry.lua), then the ids go into and out of their sets, then the
 * audit tells what has been written. A change that was overtaken before any entry was written
 * begins anew; one that was overtaken, or cut off, in the middle says how far it got, and can be
 * run again, since what is there already is not changed.
 */
#ifndef CTL_CHANGE_SCATTERED_H
#define CTL_CHANGE_SCATTERED_H

#include "ctl/change.h"

enum change_outcome { CHANGE_WRITTEN, CHANGE_OVERTAKEN, CHANGE_FAILED };

enum change_outcome change_scattered(struct tool *tool, const struct changes *changes);

#endif
