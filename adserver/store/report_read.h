/*
 * report_read: what a report has to read in Redis, asked command by command.
 *
 * It knows no connection: whoever has one asks for commands (report_read_ask), sends them in that
 * order, as many at a time as it likes, and gives it the replies in the same order
 * (report_read_take). So the server reads between its requests and adctl all at once, by the same
 * code.
 *
 * A campaign's months and hours are read one behind the other, between two looks at its `folds`.
 * Where compaction has moved counts in between, what was read of it is dropped and it is read
 * again, so that no count is seen twice or missed.
 *
 * Up to REPORT_READ_HOURS hours (of all campaigns together) every hour of the time is looked for.
 * Larger reports trust in `through`: hours before it, which a server may have written late, are
 * seen when compaction has looked at them again (compact.h).
 */
#ifndef STORE_REPORT_READ_H
#define STORE_REPORT_READ_H

#include "decision/report.h"
#include "store/count_keys.h"
#include "store/redis.h"

#define REPORT_READ_HOURS 100000
#define REPORT_READ_TRIES 20 /* of a campaign of which the counts move */
#define REPORT_READ_ARGS  4

struct report_command {
    struct slice args[REPORT_READ_ARGS];
    unsigned count;
    char key[LEDGER_KEY_MAX]; /* what one of the arguments points to; not to be moved */
};

enum report_read_result {
    REPORT_READ_GOOD,
    REPORT_READ_UNKNOWN, /* a campaign that was named is not there, and nothing is counted of it */
    REPORT_READ_DAMAGED, /* something else stands where counts should */
    REPORT_READ_LIMIT,   /* too large for one report */
    REPORT_READ_MOVING,  /* compaction moved a campaign's counts each time they were read */
};

struct report_read;

/* `query` is finished; its texts and `prefix` must outlive it. */
struct report_read *report_read_new(const struct report_query *query, struct slice prefix);
void report_read_free(struct report_read *read);

/* False: nothing is to be asked before the replies have come; see report_read_done(). */
bool report_read_ask(struct report_read *read, struct report_command *ret);

/* The reply to the oldest command without one, errors too. Not GOOD, with `err`: it is over. */
enum report_read_result report_read_take(struct report_read *read, const struct redis_reply *reply,
                                         struct err *err);

bool report_read_done(const struct report_read *read);

/* What has been added up; finished once all is done. Lives as long as the reading. */
struct report *report_read_report(struct report_read *read);

#endif
