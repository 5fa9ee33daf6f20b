#include "store/ledger_left.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/spool.h"

struct ledger_left {
    struct spool *spool;
    struct flights *flights;
    struct loop_timer *timer;
    unsigned open; /* records the spool has not said of whether they are durable */
};

/* One of these. */
struct moved {
    struct ledger_left *left;
    struct flight flight;
};

static void look_again(struct ledger_left *left)
{
    flights_give_back(left->flights);
    loop_timer_set(left->timer, LEDGER_LEFT_MS * US_PER_MS);
}

static void on_durable(bool durable, void *arg)
{
    struct moved *moved = arg;
    struct ledger_left *left = moved->left;
    if (durable)
        flights_spooled(left->flights, moved->flight);
    free(moved);
    if (--left->open == 0)
        look_again(left);
}

static void move(struct ledger_left *left, struct flight flight, struct slice record)
{
    struct moved *moved = check_malloc(sizeof *moved);
    *moved = (struct moved){left, flight};
    left->open++;
    spool_append(left->spool, record, on_durable, moved);
}

/* What the spool would refuse stays where it is, so that another process may have it. */
static void look(void *arg)
{
    struct ledger_left *left = arg;
    struct flight flight;
    struct slice record;
    unsigned at = 0;
    if (spool_trouble(left->spool)[0]) {
        look_again(left);
        return;
    }
    bool took_over = flights_take_over(left->flights);
    while (flights_next_left(left->flights, &at, &flight, &record))
        move(left, flight, record);
    if (took_over && left->open > 0)
        log_event(LOG_INFO, "ledger: what a process that has ended had under way is sent again",
                  LOG_INT("batches", left->open));
    if (left->open == 0)
        look_again(left);
}

struct ledger_left *ledger_left_new(const struct ledger_config *config, struct flights *flights)
{
    if (!config->spool)
        return NULL;
    struct ledger_left *left = check_calloc(1, sizeof *left);
    left->spool = config->spool;
    left->flights = flights;
    left->timer = loop_timer_new(config->loop, look, left);
    loop_timer_set(left->timer, 0);
    return left;
}

void ledger_left_free(struct ledger_left *left)
{
    if (!left)
        return;
    loop_timer_free(left->timer);
    free(left);
}
