#include "store/secrets.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "net/loop.h"

#define DAY_KEPT_S "172800" /* two days: the day, and whatever clocks differ by */
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)
#define RETRY_US   (US_PER_SECOND)
#define AGREE_US   (60 * US_PER_SECOND) /* between two looks whether all servers still agree */
#define NO_DAY     INT64_MIN

/*
 * A secret that is asked for by offering one: SET NX GET answers the one that was there first. Once
 * known it is offered itself: where Redis has lost it (FLUSHALL) it comes back, and where another
 * server's has come to stand there, all turn to that one.
 */
struct shared {
    struct secrets *owner;
    bool known, asked;
    int64_t day; /* since 1970; NO_DAY: the one that is not of a day */
    uint8_t offered[SECRET_BYTES];
    uint8_t bytes[SECRET_BYTES];
};

struct secrets {
    struct redis *redis;
    const struct clock *clock;
    struct slice prefix;
    struct loop_timer *watch;
    int64_t agreed_us; /* monotonic: when all were last asked for */
    struct shared viewer, today, tomorrow;
};

static int64_t day_of(int64_t now_us)
{
    return now_us / US_PER_DAY;
}

struct slice secrets_key(char buffer[SECRETS_KEY_MAX], struct slice prefix)
{
    int len = snprintf(buffer, SECRETS_KEY_MAX, "%.*ssecret:viewer", SLICE_ARGS(prefix));
    CHECK(len > 0 && len < SECRETS_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

static struct slice key_of_day(char buffer[SECRETS_KEY_MAX], struct slice prefix, int64_t day)
{
    char date[sizeof "YYYYMMDD"];
    time_t seconds = (time_t)(day * 86400);
    struct tm tm;
    CHECK(gmtime_r(&seconds, &tm) && strftime(date, sizeof date, "%Y%m%d", &tm) > 0);
    int len = snprintf(buffer, SECRETS_KEY_MAX, "%.*ssecret:day:%s", SLICE_ARGS(prefix), date);
    CHECK(len > 0 && len < SECRETS_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

struct slice secrets_key_of_day(char buffer[SECRETS_KEY_MAX], struct slice prefix, int64_t now_us)
{
    return key_of_day(buffer, prefix, day_of(now_us));
}

static struct slice write_key(const struct shared *shared, char key[SECRETS_KEY_MAX])
{
    struct slice prefix = shared->owner->prefix;
    return shared->day == NO_DAY ? secrets_key(key, prefix) : key_of_day(key, prefix, shared->day);
}

static void keep(struct shared *shared, const void *bytes)
{
    memcpy(shared->bytes, bytes, SECRET_BYTES);
    OPENSSL_cleanse(shared->offered, SECRET_BYTES);
    shared->known = true;
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    static struct log_limit limit;
    struct shared *shared = arg;
    uint64_t suppressed;

    shared->asked = false;
    if (failure != REDIS_OK)
        return; /* asked again by the watch */
    if (reply->type == REDIS_NIL)
        keep(shared, shared->offered);
    else if (reply->type == REDIS_STRING && reply->text.len == SECRET_BYTES)
        keep(shared, reply->text.ptr);
    else if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "secrets: a viewer secret in Redis is not ours; delete it",
                  LOG_INT("bytes", reply->text.len));
}

static void ask(struct shared *shared)
{
    char key[SECRETS_KEY_MAX];
    struct slice args[] = {SLICE("SET"), {NULL, 0},   {NULL, 0},        SLICE("NX"),
                           SLICE("GET"), SLICE("EX"), SLICE(DAY_KEPT_S)};
    if (shared->asked)
        return;
    shared->asked = true;
    if (shared->known)
        memcpy(shared->offered, shared->bytes, SECRET_BYTES);
    else
        random_secret(shared->offered, SECRET_BYTES);
    args[1] = write_key(shared, key);
    args[2] = slice_of((const char *)shared->offered, SECRET_BYTES);
    redis_command(shared->owner->redis, args, shared->day == NO_DAY ? 5 : 7, 0, on_answer, shared);
}

/* A day's secret is forgotten with its day; an answer on its way for another day is not kept. */
static void turn_to(struct shared *shared, int64_t day)
{
    if (shared->day == day || shared->asked)
        return;
    OPENSSL_cleanse(shared->bytes, SECRET_BYTES);
    shared->known = false;
    shared->day = day;
}

/*
 * Tomorrow's is asked for in advance, so that midnight finds it there; and yesterday's stays a
 * while, in its place, so that a clock that goes back over midnight does.
 */
static void turn_days(struct secrets *secrets)
{
    int64_t day = day_of(clock_wall_us(secrets->clock) - SECRETS_BACK_US);
    if (secrets->today.day != day && secrets->tomorrow.known && secrets->tomorrow.day == day &&
        !secrets->today.asked) {
        turn_to(&secrets->today, day);
        keep(&secrets->today, secrets->tomorrow.bytes);
    }
    turn_to(&secrets->today, day);
    turn_to(&secrets->tomorrow, day + 1);
}

static void ask_all(struct secrets *secrets, bool also_known)
{
    struct shared *all[] = {&secrets->viewer, &secrets->today, &secrets->tomorrow};
    turn_days(secrets);
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (also_known || !all[i]->known)
            ask(all[i]);
    }
}

void secrets_refresh(struct secrets *secrets)
{
    secrets->agreed_us = clock_mono_us(secrets->clock);
    ask_all(secrets, true);
}

static void on_watch(void *arg)
{
    struct secrets *secrets = arg;
    int64_t since_us = clock_mono_us(secrets->clock) - secrets->agreed_us;
    if (!redis_is_up(secrets->redis))
        turn_days(secrets);
    else if (since_us >= AGREE_US)
        secrets_refresh(secrets);
    else
        ask_all(secrets, false);
    loop_timer_set(secrets->watch, RETRY_US);
}

struct secrets *secrets_new(struct loop *loop, struct redis *redis, const struct clock *clock,
                            struct slice prefix)
{
    struct secrets *secrets = check_calloc(1, sizeof *secrets);
    secrets->redis = redis;
    secrets->clock = clock;
    secrets->prefix = prefix;
    secrets->viewer = (struct shared){.owner = secrets, .day = NO_DAY};
    secrets->today = secrets->tomorrow = (struct shared){.owner = secrets, .day = NO_DAY};
    turn_days(secrets);
    secrets->watch = loop_timer_new(loop, on_watch, secrets);
    loop_timer_set(secrets->watch, RETRY_US);
    return secrets;
}

void secrets_free(struct secrets *secrets)
{
    if (!secrets)
        return;
    loop_timer_free(secrets->watch);
    OPENSSL_cleanse(secrets, sizeof *secrets);
    free(secrets);
}

const uint8_t *secrets_viewer(const struct secrets *secrets)
{
    return secrets->viewer.known ? secrets->viewer.bytes : NULL;
}

const uint8_t *secrets_today(struct secrets *secrets, int64_t now_us)
{
    const struct shared *days[] = {&secrets->today, &secrets->tomorrow};
    for (unsigned i = 0; i < 2; i++)
        if (days[i]->known && days[i]->day == day_of(now_us))
            return days[i]->bytes;
    return NULL;
}
