#include "store/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/random.h"
#include "net/loop.h"
#include "store/ledger_keys.h"

#define HOUR_US     (INT64_C(3600) * US_PER_SECOND)
#define HOURS_KEPT  (TRAFFIC_WEEKS_MAX * TRAFFIC_HOURS + 1) /* and the one that is running */
#define COUNTS_MAX  (2 * HOURS_KEPT) /* fields read; more are somebody else's */
#define STALE_MAX   100              /* fields deleted in one go */
#define KEY_MAX     (LEDGER_PREFIX_MAX + 8)
#define FIELD_LEN   10
#define NUMBER_MAX  24
#define NOT_WRITTEN INT64_MIN
#define RETRY_MS    1000

struct traffic {
    struct traffic_config config;
    struct random random;
    struct loop_timer *write_timer, *read_timer;
    char key[KEY_MAX];
    int64_t hour;              /* of `requests`, since 1970 */
    uint64_t requests;         /* not written yet */
    int64_t written_hour;      /* of the last write */
    unsigned reading, writing; /* calls under way */
    struct traffic_shape shape;
};

static int64_t hour_now(const struct traffic *traffic)
{
    return clock_wall_us(traffic->config.clock) / HOUR_US;
}

static void name_hour(int64_t hour, char ret[LEDGER_HOUR_MAX])
{
    ledger_hour(hour * HOUR_US, ret);
}

/* "2026112312"; false for anything else. */
static bool read_hour(struct slice text, int64_t *ret)
{
    struct tm tm = {0};
    char field[FIELD_LEN + 1], again[LEDGER_HOUR_MAX];
    if (text.len != FIELD_LEN)
        return false;
    memcpy(field, text.ptr, FIELD_LEN);
    field[FIELD_LEN] = '\0';
    if (sscanf(field, "%4d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour) != 4)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret = timegm(&tm) / 3600;
    name_hour(*ret, again);
    return memcmp(again, field, FIELD_LEN + 1) == 0;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void on_written(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct traffic *traffic = arg;
    (void)failure, (void)reply;
    traffic->writing--;
}

/* What is under way when the connection breaks is lost: it may have been counted. */
static void write_hour(struct traffic *traffic)
{
    char field[LEDGER_HOUR_MAX], number[NUMBER_MAX];
    if (!redis_is_up(traffic->config.redis) ||
        (traffic->requests == 0 && traffic->written_hour == traffic->hour))
        return;
    name_hour(traffic->hour, field);
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)traffic->requests);
    const struct slice args[] = {SLICE("HINCRBY"), slice_cstr(traffic->key), slice_cstr(field),
                                 slice_cstr(number)};
    traffic->requests = 0;
    traffic->written_hour = traffic->hour;
    traffic->writing++;
    redis_command(traffic->config.redis, args, 4, 0, on_written, traffic);
}

static void begin_hour(struct traffic *traffic)
{
    int64_t hour = hour_now(traffic);
    if (hour == traffic->hour)
        return;
    write_hour(traffic);
    if (traffic->requests > 0)
        return; /* Redis is away: it all counts in this hour until it can be written */
    traffic->hour = hour;
}

static void on_write_timer(void *arg)
{
    struct traffic *traffic = arg;
    begin_hour(traffic);
    write_hour(traffic);
    loop_timer_set(traffic->write_timer, TRAFFIC_WRITE_MS * US_PER_MS);
}

void traffic_count(struct traffic *traffic)
{
    traffic->requests++;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool read_count(const struct redis_reply *item, uint64_t *ret)
{
    uint64_t count = 0;
    if (item->type != REDIS_STRING || item->text.len == 0 || item->text.len > 18)
        return false;
    for (size_t i = 0; i < item->text.len; i++) {
        char digit = item->text.ptr[i];
        if (digit < '0' || digit > '9')
            return false;
        count = count * 10 + (uint64_t)(digit - '0');
    }
    *ret = count;
    return true;
}

static void forget(struct traffic *traffic, const struct slice *stale, unsigned count)
{
    struct slice args[2 + STALE_MAX] = {SLICE("HDEL"), slice_cstr(traffic->key)};
    if (count == 0)
        return;
    memcpy(args + 2, stale, count * sizeof *stale);
    traffic->writing++;
    redis_command(traffic->config.redis, args, 2 + count, 0, on_written, traffic);
}

/* Names of fields that nobody learns from any more. */
struct stale {
    struct slice items[STALE_MAX];
    unsigned count;
};

/* Learns from whole hours: the running one would pass for a quiet one. */
static void learn(const struct redis_reply *reply, int64_t now, struct stale *stale,
                  struct traffic_shape *ret)
{
    struct traffic_count *counts = check_malloc(COUNTS_MAX * sizeof *counts);
    unsigned count = 0;
    stale->count = 0;
    for (size_t i = 0; i + 1 < reply->count && count < COUNTS_MAX; i += 2) {
        struct traffic_count *entry = &counts[count];
        bool is_hour = read_hour(reply->items[i].text, &entry->hour);
        if (!is_hour || entry->hour < now - HOURS_KEPT) {
            if (stale->count < STALE_MAX)
                stale->items[stale->count++] = reply->items[i].text;
            continue;
        }
        count += entry->hour < now && read_count(&reply->items[i + 1], &entry->requests);
    }
    traffic_shape_learn(counts, count, ret);
    free(counts);
}

size_t traffic_read_counts(const struct redis_reply *reply, struct traffic_count *ret, size_t max)
{
    size_t count = 0;
    if (reply->type != REDIS_ARRAY)
        return 0;
    for (size_t i = 0; i + 1 < reply->count && count < max; i += 2)
        count += read_hour(reply->items[i].text, &ret[count].hour) &&
                 read_count(&reply->items[i + 1], &ret[count].requests);
    return count;
}

bool traffic_read_shape(const struct redis_reply *reply, int64_t now_us, struct traffic_shape *ret)
{
    struct stale stale;
    if (reply->type != REDIS_ARRAY)
        return false;
    learn(reply, now_us / HOUR_US, &stale, ret);
    return true;
}

static void on_read(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct traffic *traffic = arg;
    bool good = failure == REDIS_OK && reply->type == REDIS_ARRAY;
    struct stale stale;
    unsigned pause_ms = good ? TRAFFIC_READ_MS : RETRY_MS;
    traffic->reading--;
    if (good) {
        learn(reply, hour_now(traffic), &stale, &traffic->shape);
        forget(traffic, stale.items, stale.count);
        traffic->config.on_learnt(&traffic->shape, traffic->config.arg);
    }
    pause_ms += (unsigned)random_below(&traffic->random, pause_ms / 4);
    loop_timer_set(traffic->read_timer, pause_ms * US_PER_MS);
}

static void on_read_timer(void *arg)
{
    struct traffic *traffic = arg;
    const struct slice args[] = {SLICE("HGETALL"), slice_cstr(traffic->key)};
    traffic->reading++;
    redis_command(traffic->config.redis, args, 2, 0, on_read, traffic);
}

/* ---- Life ------------------------------------------------------------------------------------ */

struct traffic *traffic_new(const struct traffic_config *config)
{
    struct traffic *traffic = check_calloc(1, sizeof *traffic);
    CHECK(config->prefix.len <= LEDGER_PREFIX_MAX);
    traffic->config = *config;
    random_seed_from_system(&traffic->random);
    (void)snprintf(traffic->key, sizeof traffic->key, "%.*straffic", SLICE_ARGS(config->prefix));
    traffic->hour = hour_now(traffic);
    traffic->written_hour = NOT_WRITTEN;
    traffic->write_timer = loop_timer_new(config->loop, on_write_timer, traffic);
    traffic->read_timer = loop_timer_new(config->loop, on_read_timer, traffic);
    loop_timer_set(traffic->write_timer, TRAFFIC_WRITE_MS * US_PER_MS);
    loop_timer_set(traffic->read_timer, 0);
    return traffic;
}

void traffic_free(struct traffic *traffic)
{
    if (!traffic)
        return;
    CHECK(traffic->reading + traffic->writing == 0);
    loop_timer_free(traffic->write_timer);
    loop_timer_free(traffic->read_timer);
    free(traffic);
}
