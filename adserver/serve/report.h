/*
 * report: an answer with a line for every slot or campaign, made in slices.
 *
 * With a hundred thousand campaigns /stats and /metrics take far longer than an ad may wait. A
 * report is made of parts, and a part of steps of some REPORT_ROWS rows; after REPORT_SLICE_US the
 * next slice comes in a later turn of the loop, with other requests between. One that is over
 * within the first slice, as most are, is answered at once and is of one moment.
 */
#ifndef SERVE_REPORT_H
#define SERVE_REPORT_H

#include "http/exchange.h"
#include "serve/service.h"

#define REPORT_SLICE_US 1000
#define REPORT_ROWS     256

/*
 * One step of a part. `at` is 0 the first time and the part's to advance; false: the part goes on,
 * and is called again.
 */
typedef bool report_part_fn(struct strbuf *buf, struct service *service, unsigned *at);

/* Answers with all parts one behind the other; they must live as long as the process. */
void report_begin(struct http_exchange *exchange, struct service *service,
                  struct slice content_type, report_part_fn *const *parts, unsigned count);

#endif
