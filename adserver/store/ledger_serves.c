#include "store/ledger_serves.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "decision/model.h"
#include "net/loop.h"
#include "store/ledger_keys.h"
#include "store/scripts.h"

/*
 *   serves_add ---> sums ---(every LEDGER_FLUSH_MS, when no batch is under way)---> batch
 *
 *   batch: one call a campaign and hour, at most FIELDS_A_CALL fields; each is sent until Redis has
 *          answered that it is added, then forgotten. When the last one is, the batch is over.
 *
 * A call is marked in Redis under campaign, worker and its place among the calls of the same
 * campaign in the batch. Batches are numbered, so a mark that is as great as a call's number means
 * that this call was added, or a later batch's: which is only sent when all of this one was.
 */

#define FIELDS_A_CALL 200
#define SUMS_MIN      64
#define WAITING_MAX   8 /* functions of serves_flush() at a time */
#define METRIC_MAX    32
#define FIELD_MAX     (2 * ID_MAX + 2 + METRIC_MAX)
#define NUMBER_MAX    24
#define NO_SUM        UINT32_MAX

/* Serves of one metric, of one creative of one campaign on one slot in one hour. */
struct sum {
    uint32_t hash;
    uint32_t count;
    int64_t hour; /* since 1970 */
    uint8_t campaign_len, field_len;
    char campaign[ID_MAX];
    char field[FIELD_MAX]; /* "<creative>|<slot>|<metric>" */
};

struct sums {
    struct sum *item;
    unsigned count, capacity;
    uint32_t *table; /* open addressing by hash: positions in `item`, or NO_SUM */
    size_t table_size;
};

/* One script call of the batch under way; its fields are sums [first, first + count). */
struct call {
    LIST_ENTRY(call) link;
    struct serves *serves; /* NULL: gone */
    unsigned first, count;
    unsigned place; /* among the calls of the same campaign */
    bool sent;      /* waits for its answer */
};

/* A function of serves_flush(). */
struct waiter {
    ledger_fn *fn;
    void *arg;
    uint64_t number; /* of the batch after which it is called */
};

struct serves {
    struct ledger_config config;
    struct sums sums;
    struct sums batch;       /* sorted; its calls refer to it */
    LIST_HEAD(, call) calls; /* of the batch, not answered yet */
    uint64_t number;         /* of the batch */
    char worker[2 * 8 + 1];  /* who counts, at random */
    struct loop_timer *timer;
    uint64_t dropped;
    struct waiter waiting[WAITING_MAX];
    unsigned waiting_count;
};

/* ---- Adding up ---- */

static uint32_t hash_of(struct slice campaign, struct slice field, int64_t hour)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)hour;
    for (size_t i = 0; i < campaign.len; i++)
        hash = (hash ^ (uint8_t)campaign.ptr[i]) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < field.len; i++)
        hash = (hash ^ (uint8_t)field.ptr[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 32);
}

static bool is_sum(const struct sum *sum, uint32_t hash, struct slice campaign, struct slice field,
                   int64_t hour)
{
    return sum->hash == hash && sum->hour == hour &&
           slice_eq(slice_of(sum->campaign, sum->campaign_len), campaign) &&
           slice_eq(slice_of(sum->field, sum->field_len), field);
}

static void sums_grow(struct sums *sums)
{
    sums->capacity = sums->capacity ? 2 * sums->capacity : SUMS_MIN;
    sums->table_size = 2 * (size_t)sums->capacity;
    sums->item = check_realloc(sums->item, sums->capacity * sizeof *sums->item);
    sums->table = check_realloc(sums->table, sums->table_size * sizeof *sums->table);
    memset(sums->table, 0xff, sums->table_size * sizeof *sums->table);
    for (unsigned i = 0; i < sums->count; i++) {
        size_t at = sums->item[i].hash & (sums->table_size - 1);
        while (sums->table[at] != NO_SUM)
            at = (at + 1) & (sums->table_size - 1);
        sums->table[at] = i;
    }
}

/* The sum of that name, made when it is new; NULL when there are LEDGER_PENDING_MAX others. */
static struct sum *sums_find(struct sums *sums, struct slice campaign, struct slice field,
                             int64_t hour)
{
    uint32_t hash = hash_of(campaign, field, hour);
    if (sums->count == sums->capacity && sums->count < LEDGER_PENDING_MAX)
        sums_grow(sums);
    size_t at = hash & (sums->table_size - 1);
    for (; sums->table[at] != NO_SUM; at = (at + 1) & (sums->table_size - 1)) {
        struct sum *sum = &sums->item[sums->table[at]];
        if (is_sum(sum, hash, campaign, field, hour))
            return sum;
    }
    if (sums->count == sums->capacity)
        return NULL;
    sums->table[at] = sums->count;
    struct sum *sum = &sums->item[sums->count++];
    *sum = (struct sum){.hash = hash, .hour = hour};
    sum->campaign_len = (uint8_t)campaign.len;
    sum->field_len = (uint8_t)field.len;
    memcpy(sum->campaign, campaign.ptr, campaign.len);
    memcpy(sum->field, field.ptr, field.len);
    return sum;
}

static void sums_clear(struct sums *sums)
{
    sums->count = 0;
    if (sums->table)
        memset(sums->table, 0xff, sums->table_size * sizeof *sums->table);
}

static void sums_release(struct sums *sums)
{
    free(sums->item);
    free(sums->table);
}

static char *write_text(char *at, struct slice text)
{
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

/* "<creative>|<slot>|serves", and "_<word>" where they do not count */
static struct slice write_field(char *to, enum event_filter filter, struct slice creative,
                                struct slice slot)
{
    struct slice word = slice_cstr(event_filter_rows[filter].word);
    char *at = write_text(to, creative);
    *at++ = '|';
    at = write_text(at, slot);
    at = write_text(at, SLICE("|serves"));
    if (word.len) {
        CHECK(word.len < METRIC_MAX - strlen("serves_"));
        *at++ = '_';
        at = write_text(at, word);
    }
    return slice_of(to, (size_t)(at - to));
}

static void note_dropped(struct serves *serves)
{
    static struct log_limit limit;
    uint64_t suppressed;
    serves->dropped++;
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "ledger: too many serves wait for Redis; some are not counted",
                  LOG_INT("dropped", serves->dropped));
}

void serves_add(struct serves *serves, enum event_filter filter, struct slice campaign,
                struct slice creative, struct slice slot, int64_t now_us)
{
    char field[FIELD_MAX];
    int64_t hour = now_us / (3600 * US_PER_SECOND);
    if (serves->sums.count == 0)
        loop_timer_set(serves->timer, LEDGER_FLUSH_MS * US_PER_MS);
    struct sum *sum =
        sums_find(&serves->sums, campaign, write_field(field, filter, creative, slot), hour);
    if (sum)
        sum->count++;
    else
        note_dropped(serves);
}

/* ---- Writing a batch ---- */

/* Calls the functions that wait for batch `up_to` or an earlier one; they may flush again. */
static void tell_waiting(struct serves *serves, uint64_t up_to, enum ledger_result result)
{
    unsigned i = 0;
    while (i < serves->waiting_count) {
        struct waiter waiter = serves->waiting[i];
        if (waiter.number > up_to) {
            i++;
            continue;
        }
        serves->waiting_count--;
        memmove(&serves->waiting[i], &serves->waiting[i + 1],
                (serves->waiting_count - i) * sizeof waiter);
        waiter.fn(result, waiter.arg);
    }
}

static int compare_sums(const void *a, const void *b)
{
    const struct sum *left = a, *right = b;
    int order = slice_compare(slice_of(left->campaign, left->campaign_len),
                              slice_of(right->campaign, right->campaign_len));
    if (order != 0)
        return order;
    return (left->hour > right->hour) - (left->hour < right->hour);
}

static bool same_campaign(const struct sum *a, const struct sum *b)
{
    return a->campaign_len == b->campaign_len &&
           memcmp(a->campaign, b->campaign, a->campaign_len) == 0;
}

static void cut_into_calls(struct serves *serves)
{
    const struct sum *sums = serves->batch.item;
    struct call *call = NULL;
    for (unsigned i = 0; i < serves->batch.count; i++) {
        bool same = call && same_campaign(&sums[call->first], &sums[i]);
        if (same && sums[call->first].hour == sums[i].hour && call->count < FIELDS_A_CALL) {
            call->count++;
            continue;
        }
        unsigned place = same ? call->place + 1 : 0;
        call = check_malloc(sizeof *call);
        *call = (struct call){.serves = serves, .first = i, .count = 1, .place = place};
        LIST_INSERT_HEAD(&serves->calls, call, link);
    }
}

static redis_fn on_added;

static void send_call(struct serves *serves, struct call *call)
{
    const struct sum *sums = &serves->batch.item[call->first];
    struct slice campaign = slice_of(sums->campaign, sums->campaign_len), keys[3];
    struct slice args[2 + 2 * FIELDS_A_CALL];
    char buffers[3][LEDGER_KEY_MAX], mark[64], hour[1 + LEDGER_HOUR_MAX] = ":";
    char numbers[2 + FIELDS_A_CALL][NUMBER_MAX];
    (void)snprintf(mark, sizeof mark, ":%s:%u", serves->worker, call->place);
    ledger_hour(sums->hour * 3600 * US_PER_SECOND, hour + 1);
    keys[0] = ledger_key(buffers[0], serves->config.prefix, "batch", campaign, mark);
    keys[1] = ledger_key(buffers[1], serves->config.prefix, "count", campaign, hour);
    keys[2] = ledger_key(buffers[2], serves->config.prefix, "total", campaign, "");
    (void)snprintf(numbers[0], NUMBER_MAX, "%llu", (unsigned long long)serves->number);
    (void)snprintf(numbers[1], NUMBER_MAX, "%lld", (long long)SERVES_MARK_KEPT_MS);
    args[0] = slice_cstr(numbers[0]);
    args[1] = slice_cstr(numbers[1]);
    for (unsigned i = 0; i < call->count; i++) {
        (void)snprintf(numbers[2 + i], NUMBER_MAX, "%u", sums[i].count);
        args[2 + 2 * i] = slice_of(sums[i].field, sums[i].field_len);
        args[3 + 2 * i] = slice_cstr(numbers[2 + i]);
    }
    call->sent = true;
    redis_run_script(serves->config.redis, script_get(SCRIPT_SERVES), keys, 3, args,
                     2 + 2 * call->count, 0, on_added, call);
}

static void send_calls(struct serves *serves)
{
    struct call *call;
    if (!redis_is_up(serves->config.redis)) {
        tell_waiting(serves, UINT64_MAX, LEDGER_FAILED);
        return;
    }
    LIST_FOREACH (call, &serves->calls, link) {
        if (!call->sent)
            send_call(serves, call);
    }
}

static void begin_batch(struct serves *serves)
{
    struct sums empty = serves->batch;
    serves->batch = serves->sums;
    serves->sums = empty;
    sums_clear(&serves->sums);
    serves->number++;
    qsort(serves->batch.item, serves->batch.count, sizeof *serves->batch.item, compare_sums);
    cut_into_calls(serves);
}

static void end_batch(struct serves *serves)
{
    sums_clear(&serves->batch);
    tell_waiting(serves, serves->number, LEDGER_COUNTED);
    if (serves->sums.count > 0)
        loop_timer_set(serves->timer, serves->waiting_count ? 0 : LEDGER_FLUSH_MS * US_PER_MS);
}

static void note_uncountable(const struct call *call, const struct redis_reply *reply)
{
    static struct log_limit limit;
    uint64_t suppressed;
    const struct sum *sum = &call->serves->batch.item[call->first];
    if (log_allowed(&limit, &suppressed))
        log_event(LOG_ERROR, "ledger: counts of a campaign hold no numbers; serves are not counted",
                  LOG_SLICE("campaign", slice_of(sum->campaign, sum->campaign_len)),
                  LOG_SLICE("error", reply->text), LOG_INT("suppressed", suppressed));
}

static void on_added(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct call *call = arg;
    struct serves *serves = call->serves;
    if (!serves) {
        free(call);
        return;
    }
    call->sent = false;
    if (failure != REDIS_OK && failure != REDIS_ERROR) {
        tell_waiting(serves, UINT64_MAX, LEDGER_FAILED);
        loop_timer_set(serves->timer, LEDGER_FLUSH_MS * US_PER_MS);
        return;
    }
    if (failure == REDIS_ERROR || reply->integer > 0)
        note_uncountable(call, reply);
    LIST_REMOVE(call, link);
    free(call);
    if (LIST_EMPTY(&serves->calls))
        end_batch(serves);
}

static void on_timer(void *arg)
{
    struct serves *serves = arg;
    if (LIST_EMPTY(&serves->calls) && serves->sums.count > 0)
        begin_batch(serves);
    if (LIST_EMPTY(&serves->calls)) {
        tell_waiting(serves, serves->number, LEDGER_COUNTED);
        return;
    }
    send_calls(serves);
    loop_timer_set(serves->timer, LEDGER_FLUSH_MS * US_PER_MS);
}

static void nobody_waits(enum ledger_result result, void *arg)
{
    (void)result, (void)arg;
}

void serves_flush(struct serves *serves, ledger_fn *fn, void *arg)
{
    uint64_t number = serves->number + (serves->sums.count > 0);
    CHECK(serves->waiting_count < WAITING_MAX);
    serves->waiting[serves->waiting_count++] = (struct waiter){fn ? fn : nobody_waits, arg, number};
    loop_timer_set(serves->timer, 0);
}

/* ---- Life ---- */

struct serves *serves_new(const struct ledger_config *config)
{
    struct serves *serves = check_calloc(1, sizeof *serves);
    uint8_t worker[8];
    random_secret(worker, sizeof worker);
    for (size_t i = 0; i < sizeof worker; i++)
        (void)snprintf(serves->worker + 2 * i, 3, "%02x", worker[i]);
    serves->config = *config;
    LIST_INIT(&serves->calls);
    serves->timer = loop_timer_new(config->loop, on_timer, serves);
    return serves;
}

void serves_free(struct serves *serves)
{
    struct call *call;
    if (!serves)
        return;
    tell_waiting(serves, UINT64_MAX, LEDGER_FAILED);
    while ((call = LIST_FIRST(&serves->calls))) {
        LIST_REMOVE(call, link);
        call->serves = NULL;
        if (!call->sent)
            free(call);
    }
    loop_timer_free(serves->timer);
    sums_release(&serves->sums);
    sums_release(&serves->batch);
    free(serves);
}
