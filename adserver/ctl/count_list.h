/*
 * count_list: every key in Redis that holds counts, campaign by campaign.
 *
 * It walks all keys (SCAN), so that what no campaign list names is found too. For checks, not for
 * reports.
 */
#ifndef CTL_COUNT_LIST_H
#define CTL_COUNT_LIST_H

#include "ctl/command.h"
#include "store/count_keys.h"

enum count_kind {
    COUNT_HOUR,
    COUNT_MONTH,
    COUNT_TOTAL,
    COUNT_ODD, /* named like one of these, and none that a server writes */
};

struct count_key {
    struct slice key, campaign;
    enum count_kind kind;
    int64_t at;   /* hour or month */
    unsigned run; /* of a packed month */
};

struct count_list {
    struct count_key *item; /* by campaign, then kind, then time */
    unsigned count;
};

/* False with a mistake noted. */
bool count_list_read(struct tool *tool, struct count_list *ret);

/* Leaves those of the campaigns that --campaign names, where it names any. */
bool count_list_choose(struct tool *tool, const struct call *call, struct count_list *list);

#endif
