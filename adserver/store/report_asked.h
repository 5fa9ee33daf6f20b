/*
 * report_asked: the commands of a report (report_read.h), and those that wait for their replies.
 */
#ifndef STORE_REPORT_ASKED_H
#define STORE_REPORT_ASKED_H

#include "store/report_read.h"

enum report_ask {
    ASK_LIST,
    ASK_LISTED,  /* is the campaign that was named there? */
    ASK_COUNTED, /* or has anything been counted of it? */
    ASK_OWNER,
    ASK_THROUGH,
    ASK_BEFORE, /* folds, before its counts are read */
    ASK_MONTH,
    ASK_HOUR,
    ASK_AFTER,
};

struct report_asked {
    enum report_ask kind;
    uint32_t campaign;
    int64_t at;   /* month or hour */
    unsigned run; /* of a month */
};

/* `campaign` is its id; of ASK_LIST none. */
struct slice report_asked_key(const struct report_asked *asked, struct slice prefix,
                              struct slice campaign, char buffer[LEDGER_KEY_MAX]);
void report_asked_command(const struct report_asked *asked, struct slice prefix,
                          struct slice campaign, struct report_command *ret);

/* First in, first out, in a ring. Begins with zeros. */
struct report_queue {
    struct report_asked *ring;
    unsigned count, first, room;
};
void report_queue_release(struct report_queue *queue);
void report_queue_push(struct report_queue *queue, struct report_asked asked);
/* There must be one. */
struct report_asked report_queue_shift(struct report_queue *queue);

#endif
