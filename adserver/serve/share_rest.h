/*
 * share_rest: until when clicks are not asked which share of the impressions they are
 * (store/click_share.h), because impressions are missing there.
 *
 * An impression that goes into the spool, or whose note did not reach Redis, is not known to the
 * share of its address: the clicks that follow would look like too many. So all workers of a server
 * rest from that until no window is left that may lack one. One word in memory that they share, so
 * that it also holds across a reload.
 */
#ifndef SERVE_SHARE_REST_H
#define SERVE_SHARE_REST_H

#include <stdbool.h>
#include <stdint.h>

struct share_rest;

/* Before the fork. Aborts when the kernel refuses. */
struct share_rest *share_rest_new(void);
void share_rest_free(struct share_rest *rest);

/* An impression is missing as of now. Times are monotonic. */
void share_rest_begin(struct share_rest *rest, int64_t now_us);
bool share_rests(const struct share_rest *rest, int64_t now_us);

#endif
