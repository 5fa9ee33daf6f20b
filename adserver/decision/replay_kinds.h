/*
 * replay_kinds: how much more or less a logged request stands for by its kind (request_kind.h),
 * where servers have counted how many there were of each.
 *
 * A sample of a tenth of the viewers may have two percent more of them in one country than there
 * are; whoever is served there would be forecast two percent too high. So each kind's part of the
 * log is brought to its part of what was counted, over the days that lie wholly within the log.
 * Kinds of which fewer than KINDS_RECORDS_MIN requests were logged are taken together.
 */
#ifndef DECISION_REPLAY_KINDS_H
#define DECISION_REPLAY_KINDS_H

#include "decision/logged_request.h"

#define KINDS_RECORDS_MIN 100

struct replay_kinds;

struct replay_kinds *replay_kinds_new(void);
void replay_kinds_free(struct replay_kinds *kinds);

/* First each request of the log … */
void replay_kinds_log(struct replay_kinds *kinds, const struct logged_request *request);

/* … then what was counted, `day` since 1970 … */
void replay_kinds_count(struct replay_kinds *kinds, int64_t day, uint32_t kind, uint64_t requests);

/* The first and the last day of which counts are of use; false where there are none. */
bool replay_kinds_days(const struct replay_kinds *kinds, int64_t *ret_first, int64_t *ret_last);

/* … then this; false where no counts were of use, and all factors are 1. */
bool replay_kinds_finish(struct replay_kinds *kinds);

double replay_kinds_factor(const struct replay_kinds *kinds, const struct logged_request *request);

#endif
