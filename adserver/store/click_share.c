#include "store/click_share.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/scripts.h"

#define KEY_MAX    CLICK_RATE_KEY_MAX
#define NUMBER_MAX 16

static struct slice name(char buffer[KEY_MAX], struct slice prefix,
                         const struct viewer_key *address)
{
    char text[CLICK_RATE_HASH_MAX + 1];
    text[base64url_encode(text, address->bytes, VIEWER_KEY_BYTES)] = '\0';
    int len = snprintf(buffer, KEY_MAX, "%.*sshares:{%s}", SLICE_ARGS(prefix), text);
    CHECK(len > 0 && len < KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

static struct slice number(char buffer[NUMBER_MAX], int value)
{
    int len = snprintf(buffer, NUMBER_MAX, "%d", value);
    CHECK(len > 0 && len < NUMBER_MAX);
    return slice_of(buffer, (size_t)len);
}

/* Impressions */

struct sight {
    click_share_seen_fn *fn;
    void *arg;
};

static void on_seen(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct sight sight = *(struct sight *)arg;
    (void)reply;
    free(arg);
    sight.fn(failure == REDIS_OK, sight.arg);
}

void click_share_seen(struct redis *redis, struct slice prefix, const struct viewer_key *address,
                      struct slice slot, click_share_seen_fn *fn, void *arg)
{
    struct sight *sight = check_malloc(sizeof *sight);
    char buffer[KEY_MAX], window[NUMBER_MAX], fields[NUMBER_MAX];
    const struct slice keys[] = {name(buffer, prefix, address)};
    const struct slice args[] = {slot, number(window, CLICK_SHARE_WINDOW_MS),
                                 number(fields, CLICK_SHARE_FIELDS_MAX)};
    *sight = (struct sight){fn, arg};
    redis_run_script(redis, script_get(SCRIPT_CLICK_SHARE_SEEN), keys, 1, args, 3, 0, on_seen,
                     sight);
}

/* Clicks */

struct question {
    click_share_fn *fn;
    void *arg;
};

static bool is_answer(enum redis_failure failure, const struct redis_reply *reply)
{
    return failure == REDIS_OK && reply->type == REDIS_ARRAY && reply->count == 2 &&
           reply->items[0].type == REDIS_INTEGER && reply->items[1].type == REDIS_INTEGER;
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct question question = *(struct question *)arg;
    free(arg);
    if (is_answer(failure, reply))
        question.fn(reply->items[0].integer, reply->items[1].integer == 1, question.arg);
    else
        question.fn(0, false, question.arg);
}

void click_share_count(struct redis *redis, struct slice prefix,
                       const struct click_share_click *click, int timeout_ms, click_share_fn *fn,
                       void *arg)
{
    struct question *question = check_malloc(sizeof *question);
    char shares[KEY_MAX], clicks[CLICK_RATE_KEY_MAX];
    char percent[NUMBER_MAX], from[NUMBER_MAX], window[NUMBER_MAX], fields[NUMBER_MAX];
    char minute[NUMBER_MAX];
    struct slice keys[2] = {name(shares, prefix, click->viewer.address)};
    const struct slice args[] = {
        click->slot,
        slice_of((const char *)click->impression, IMPRESSION_BYTES),
        number(percent, click->percent),
        number(from, click->from),
        number(window, CLICK_SHARE_WINDOW_MS),
        number(fields, CLICK_SHARE_FIELDS_MAX),
        number(minute, CLICK_RATE_WINDOW_MS),
    };
    if (click->rated)
        keys[1] = click_rate_key(clicks, prefix, &click->viewer);
    *question = (struct question){fn, arg};
    redis_run_script(redis, script_get(SCRIPT_CLICK_SHARE), keys, click->rated ? 2 : 1, args,
                     sizeof args / sizeof *args, timeout_ms, on_answer, question);
}
