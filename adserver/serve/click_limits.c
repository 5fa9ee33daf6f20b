#include "serve/click_limits.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/click_share.h"

/* Impressions */

bool click_limits_address(const struct service *service, const struct http_request *request,
                          int64_t now_us, struct viewer_key *ret)
{
    const uint8_t *salt =
        service->options->bots_click_share > 0 ? secrets_today(service->secrets, now_us) : NULL;
    if (!salt)
        return false;
    viewer_key_of_address(salt, client_address(&service->trusted, request), ret);
    return true;
}

static void on_seen(bool stands, void *arg)
{
    const struct service *service = arg;
    if (!stands)
        share_rest_begin(service->share_rest, clock_mono_us(service->clock));
}

/* Whether it counted an impression, its own or the missing one of what follows it; one that came
 * when a goal was met has been seen as well. */
static bool has_impression(enum event_kind kind, enum ledger_result result)
{
    bool own = result == LEDGER_COUNTED || result == LEDGER_OVER_GOAL;
    return (kind == EVENT_IMPRESSION && own) || result == LEDGER_COUNTED_IMPLIED ||
           result == LEDGER_OVER_GOAL_IMPLIED;
}

void click_limits_note(struct service *service, const struct viewer_key *address, struct slice slot,
                       enum event_kind kind, enum ledger_result result)
{
    if (result == LEDGER_SPOOLED || result == LEDGER_FAILED)
        share_rest_begin(service->share_rest, clock_mono_us(service->clock));
    else if (has_impression(kind, result))
        click_share_seen(service->redis, service->prefix, address, slot, on_seen, service);
}

/* Clicks */

struct question {
    int per_minute; /* 0: any number */
    click_limits_fn *fn;
    void *arg;
};

static void conclude(struct question *asked, int64_t clicks, bool beyond)
{
    struct question question = *asked;
    enum event_filter filter = EVENT_COUNTS;
    free(asked);
    if (question.per_minute > 0 && clicks > question.per_minute)
        filter = EVENT_IS_CLICK_RATE;
    else if (beyond)
        filter = EVENT_IS_CLICK_SHARE;
    question.fn(filter, question.arg);
}

static void on_rate(int64_t clicks, void *arg)
{
    conclude(arg, clicks, false);
}

static void on_share(int64_t clicks, bool beyond, void *arg)
{
    conclude(arg, clicks, beyond);
}

static struct question *question_new(int per_minute, click_limits_fn *fn, void *arg)
{
    struct question *question = check_malloc(sizeof *question);
    *question = (struct question){per_minute, fn, arg};
    return question;
}

bool click_limits_ask(const struct service *service, const struct click_limits_click *click,
                      click_limits_fn *fn, void *arg)
{
    const struct options *options = service->options;
    int per_minute = (int)options->bots_clicks_per_minute;
    bool shared =
        click->address && !share_rests(service->share_rest, clock_mono_us(service->clock));
    const struct click_share_click question = {
        .viewer = {.client = client_address(&service->trusted, click->request),
                   .agent = http_request_header(click->request, SLICE("user-agent")),
                   .salt = secrets_today(service->secrets, click->now_us),
                   .address = click->address},
        .slot = click->token->slot,
        .impression = click->token->impression,
        .percent = (int)options->bots_click_share,
        .from = (int)options->bots_click_share_from,
        .rated = per_minute > 0,
    };
    if ((per_minute == 0 && !shared) || !question.viewer.salt || !redis_is_up(service->redis))
        return false;
    if (shared)
        click_share_count(service->redis, service->prefix, &question, click->timeout_ms, on_share,
                          question_new(per_minute, fn, arg));
    else
        click_rate_count(service->redis, service->prefix, &question.viewer, click->timeout_ms,
                         on_rate, question_new(per_minute, fn, arg));
    return true;
}
