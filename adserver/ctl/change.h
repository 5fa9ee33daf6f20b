/*
 * change: what a command does to entries, and how it is done all or nothing.
 *
 *   1. the command's plan reads what it needs and says what is to become of which entries
 *   2. those entries are watched, and read again: somebody else wrote meanwhile? from the beginning
 *   3. one transaction writes all of it, and a line into the audit stream; it is void when one of
 *      the entries was written in between: from the beginning
 *
 * With a cluster the third step is server by server: see ctl/change_scattered.h.
 *
 * Only fields that differ are written, so nobody hears of what stayed as it was.
 */
#ifndef CTL_CHANGE_H
#define CTL_CHANGE_H

#include "ctl/hashes.h"

#define CHANGE_ATTEMPTS     30  /* before it is refused because others keep writing */
#define CHANGE_PAUSE_MAX_MS 100 /* between attempts; random, growing up to this */

/*
 * Redis compares each watched key with all that the connection watches already, so watching costs
 * the square of their number. A change of more entries watches the id sets and the audit stream
 * instead, one of which everybody writes to but a redis-cli that edits a hash already there: what
 * that one writes while the transaction is on its way is lost.
 */
#define CHANGE_WATCH_MAX 4096

struct change {
    const struct entry *before; /* as read; see entry_exists() */
    const struct entry *after;  /* NULL: it is deleted */
};

struct changes {
    struct change *item; /* no entry twice */
    unsigned count;
};

/* Whether anything differs. */
bool change_is_due(const struct change *change);

/*
 * Fills `ret` from what it reads; false with a mistake noted when it refuses. Called once an
 * attempt.
 */
typedef bool change_plan_fn(struct tool *tool, void *arg, struct changes *ret);

/*
 * Carries out what `plan` says, or with `dry_run` nothing, and prints the difference to tool->out
 * and warnings to tool->err.
 */
enum tool_result change_run(struct tool *tool, change_plan_fn *plan, void *arg, bool dry_run);

/* For plans that rest on more than the entries they change: whatever is read after this counts. */
bool change_watch(struct tool *tool, const struct slice *keys, unsigned count);

#endif
