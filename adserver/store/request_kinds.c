#include "store/request_kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "decision/request_kind.h"
#include "net/loop.h"

#define DAY_MS      INT64_C(86400000)
#define PLACES      (2 * REQUEST_KINDS_MAX) /* a power of two */
#define EXPIRE_TEXT "5443200"               /* REQUEST_KINDS_DAYS in seconds */
#define NUMBER_TEXT 24

_Static_assert(REQUEST_KINDS_DAYS * 86400 == 5443200, "what EXPIRE_TEXT says");

struct place {
    uint32_t kind; /* 0: free */
    uint32_t requests;
};

struct request_kinds {
    struct redis *redis;
    struct slice prefix;
    struct loop_timer *timer;
    bool timer_set;
    int64_t day; /* that all of them are of */
    unsigned used;
    struct place places[PLACES];
};

struct slice request_kinds_key(char buffer[REQUEST_KINDS_KEY_MAX], struct slice prefix, int64_t day)
{
    char date[16] = "";
    time_t seconds = (time_t)(day * 86400);
    struct tm tm;
    if (gmtime_r(&seconds, &tm))
        (void)strftime(date, sizeof date, "%Y%m%d", &tm);
    int len = snprintf(buffer, REQUEST_KINDS_KEY_MAX, "%.*srequests:%s", SLICE_ARGS(prefix), date);
    CHECK(len > 0 && len < REQUEST_KINDS_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

static void on_written(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

static void write_kind(struct request_kinds *kinds, struct slice key, const struct place *place)
{
    char field[REQUEST_KIND_TEXT_MAX], number[NUMBER_TEXT];
    (void)snprintf(number, sizeof number, "%u", place->requests);
    const struct slice args[] = {SLICE("HINCRBY"), key, request_kind_print(place->kind, field),
                                 slice_cstr(number)};
    redis_command(kinds->redis, args, 4, 0, on_written, NULL);
}

static void write_all(struct request_kinds *kinds)
{
    char buffer[REQUEST_KINDS_KEY_MAX];
    struct slice key = request_kinds_key(buffer, kinds->prefix, kinds->day);
    bool up = redis_is_up(kinds->redis);
    for (unsigned i = 0; up && i < PLACES; i++) {
        if (kinds->places[i].kind != 0)
            write_kind(kinds, key, &kinds->places[i]);
    }
    const struct slice expire[] = {SLICE("EXPIRE"), key, SLICE(EXPIRE_TEXT)};
    if (up && kinds->used > 0)
        redis_command(kinds->redis, expire, 3, 0, on_written, NULL);
    memset(kinds->places, 0, sizeof kinds->places);
    kinds->used = 0;
}

static void on_timer(void *arg)
{
    struct request_kinds *kinds = arg;
    kinds->timer_set = false;
    write_all(kinds);
}

struct request_kinds *request_kinds_new(struct loop *loop, struct redis *redis, struct slice prefix)
{
    struct request_kinds *kinds = check_calloc(1, sizeof *kinds);
    kinds->redis = redis;
    kinds->prefix = prefix;
    kinds->timer = loop_timer_new(loop, on_timer, kinds);
    return kinds;
}

void request_kinds_free(struct request_kinds *kinds)
{
    if (!kinds)
        return;
    loop_timer_free(kinds->timer);
    free(kinds);
}

static struct place *place_of(struct request_kinds *kinds, uint32_t kind)
{
    uint32_t at = kind * UINT32_C(2654435769) >> 16 & (PLACES - 1);
    while (kinds->places[at].kind != 0 && kinds->places[at].kind != kind)
        at = (at + 1) & (PLACES - 1);
    return &kinds->places[at];
}

void request_kinds_add(struct request_kinds *kinds, int64_t at_ms, uint32_t kind)
{
    int64_t day = at_ms / DAY_MS;
    if (day != kinds->day && kinds->used > 0)
        write_all(kinds);
    kinds->day = day;
    struct place *place = place_of(kinds, kind);
    if (place->kind == 0 && kinds->used == REQUEST_KINDS_MAX)
        return;
    kinds->used += place->kind == 0;
    place->kind = kind;
    place->requests++;
    if (!kinds->timer_set)
        loop_timer_set(kinds->timer, REQUEST_KINDS_WRITE_MS * US_PER_MS);
    kinds->timer_set = true;
}
