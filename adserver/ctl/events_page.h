/*
 * events_page: some entries of a campaign's event stream, and whether any before them are missing.
 *
 * The stream is looked at and read in one step of Redis (MULTI, XINFO STREAM, XRANGE, EXEC), so
 * that the number of each entry is known: Redis keeps how many were ever added, and takes entries
 * away at the front only. Entries that somebody deleted by hand count as missing.
 */
#ifndef CTL_EVENTS_PAGE_H
#define CTL_EVENTS_PAGE_H

#include "ctl/events_format.h"
#include "ctl/tool.h"

#define EVENTS_PAGE_ENTRIES  1000 /* at most */
#define EVENTS_PAGE_COMMANDS 4    /* that ask for one */

enum events_gap {
    EVENTS_GAP_NONE,
    EVENTS_GAP_LOST, /* `lost` events went before they were read */
    EVENTS_GAP_ANEW, /* the stream began anew: nobody knows what the old one had */
    EVENTS_GAP_CUT, /* the stream ends before `position`: Redis has lost what it had acknowledged */
};

struct events_page {
    const struct redis_reply *entries; /* as Redis has them, any of them may be spoiled */
    size_t count;
    uint64_t number; /* of the first; those that follow are numbered on */
    enum events_gap gap;
    uint64_t lost;
};

/* Sends the commands; their replies are read with events_page_fetch(), in the same order. */
void events_page_ask(struct tool *tool, struct slice key, const struct events_position *behind);
/* EXEC's reply; NULL with a mistake noted where Redis has gone. */
const struct redis_reply *events_page_fetch(struct tool *tool);

enum events_page_result {
    EVENTS_PAGE_READ,
    EVENTS_PAGE_NO_STREAM, /* there is no such key */
    EVENTS_PAGE_REFUSED,   /* `*ret_why` says why: another type, an old Redis, no entries */
};
/*
 * What was asked for behind `position`, which moves to the last entry, or to where there is nothing
 * more to lose. All zero: nothing has been read, and nothing is missing.
 */
enum events_page_result events_page_read(const struct redis_reply *reply,
                                         struct events_position *position, struct events_page *ret,
                                         const char **ret_why);

#endif
