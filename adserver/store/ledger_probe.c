#include "store/ledger_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/loop.h"
#include "store/ledger_keys.h"

#define TROUBLE_MAX 160

struct ledger_probe {
    struct ledger_config config;
    struct loop_timer *timer;
    bool timer_set;
    bool sent; /* waits for its answer */
    bool gone; /* and is to be freed with it */
    char trouble[TROUBLE_MAX];
};

static void free_probe(struct ledger_probe *probe)
{
    loop_timer_free(probe->timer);
    free(probe);
}

static void try_later(struct ledger_probe *probe)
{
    if (probe->timer_set || probe->sent)
        return;
    probe->timer_set = true;
    loop_timer_set(probe->timer, LEDGER_PROBE_MS * US_PER_MS);
}

/* Failures other than a refusal say nothing of writing; those that redis.h tells of are told there.
 */
void ledger_probe_note(struct ledger_probe *probe, enum redis_failure failure,
                       const struct redis_reply *reply)
{
    if (failure == REDIS_OK)
        probe->trouble[0] = '\0';
    else if (failure == REDIS_REFUSED)
        (void)snprintf(probe->trouble, sizeof probe->trouble, "%s", err_quote(reply->text));
    if (probe->trouble[0])
        try_later(probe);
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct ledger_probe *probe = arg;
    probe->sent = false;
    if (probe->gone)
        free_probe(probe);
    else
        ledger_probe_note(probe, failure, reply);
}

static void on_timer(void *arg)
{
    struct ledger_probe *probe = arg;
    char key[LEDGER_KEY_MAX];
    probe->timer_set = false;
    if (!probe->trouble[0])
        return; /* an event was faster */
    int len = snprintf(key, sizeof key, "%.*sprobe", SLICE_ARGS(probe->config.prefix));
    CHECK(len > 0 && (size_t)len < sizeof key);
    struct slice args[] = {SLICE("SET"), slice_of(key, (size_t)len), SLICE("1"), SLICE("PX"),
                           SLICE(LEDGER_PROBE_KEPT_MS)};
    probe->sent = true;
    redis_command(probe->config.redis, args, 5, LEDGER_PROBE_MS, on_answer, probe);
}

const char *ledger_probe_trouble(const struct ledger_probe *probe)
{
    return probe->trouble;
}

struct ledger_probe *ledger_probe_new(const struct ledger_config *config)
{
    struct ledger_probe *probe = check_calloc(1, sizeof *probe);
    probe->config = *config;
    probe->timer = loop_timer_new(config->loop, on_timer, probe);
    return probe;
}

void ledger_probe_free(struct ledger_probe *probe)
{
    if (!probe)
        return;
    loop_timer_clear(probe->timer);
    if (probe->sent)
        probe->gone = true;
    else
        free_probe(probe);
}
