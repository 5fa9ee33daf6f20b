/*
 * click_limits: what only Redis knows of a click before it is recorded: how many clicks its viewer
 * has made within the minute (store/click_rate.h, bots.clicks_per_minute), and which share of the
 * impressions of its address in the slot is clicked (store/click_share.h, bots.click_share). Both
 * are asked in one call, and with an option at 0 there is nothing of it in Redis.
 *
 * The share needs the impressions of the address: whoever records an event keeps its address until
 * it is known what became of it, and tells that here.
 */
#ifndef SERVE_CLICK_LIMITS_H
#define SERVE_CLICK_LIMITS_H

#include "serve/service.h"
#include "store/viewer_key.h"

/*
 * Who shares the client's address, a hash under the salt of today. False: bots.click_share is 0, or
 * the salt is not known.
 */
bool click_limits_address(const struct service *service, const struct http_request *request,
                          int64_t now_us, struct viewer_key *ret);

/* What became of an event that was not filtered, of that address. */
void click_limits_note(struct service *service, const struct viewer_key *address, struct slice slot,
                       enum event_kind kind, enum ledger_result result);

struct click_limits_click {
    const struct http_request *request;
    const struct token *token;
    const struct viewer_key *address; /* NULL: its share is not asked */
    int64_t now_us;
    int timeout_ms;
};
/* `filter`: EVENT_COUNTS, also where Redis did not say, or the limit that the click is beyond. */
typedef void click_limits_fn(enum event_filter filter, void *arg);

/*
 * Counts the click and asks. `fn` is called once, and never before this has returned. False: there
 * is nothing to ask, or nobody to answer; then it is not called.
 */
bool click_limits_ask(const struct service *service, const struct click_limits_click *click,
                      click_limits_fn *fn, void *arg);

#endif
