/*
 * long_answer: an answer with a line for every slot or campaign, made in slices.
 *
 * With a hundred thousand campaigns /stats and /metrics take far longer than an ad may wait. A
 * long answer is made of parts, and a part of steps of some LONG_ANSWER_ROWS rows; after
 * LONG_ANSWER_SLICE_US the next slice comes in a later turn of the loop, with other requests
 * between. One that is over within the first slice, as most are, is answered at once and is of one
 * moment.
 */
#ifndef SERVE_LONG_ANSWER_H
#define SERVE_LONG_ANSWER_H

#include "http/exchange.h"
#include "serve/service.h"

#define LONG_ANSWER_SLICE_US 1000
#define LONG_ANSWER_ROWS     256

/*
 * One step of a part. `at` is 0 the first time and the part's to advance; false: the part goes on,
 * and is called again.
 */
typedef bool long_answer_part_fn(struct strbuf *buf, struct service *service, unsigned *at);

/* Answers with all parts one behind the other; they must live as long as the process. */
void long_answer_begin(struct http_exchange *exchange, struct service *service,
                       struct slice content_type, long_answer_part_fn *const *parts,
                       unsigned count);

#endif
