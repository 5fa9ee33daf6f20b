#include "store/click_rate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "store/scripts.h"

struct question {
    click_rate_fn *fn;
    void *arg;
};

/* The daily hash of viewer.identity, but of no site: a viewer is the same one wherever it clicks.
 */
static struct viewer_key key_of(const struct click_rate_viewer *viewer)
{
    static const struct viewer_ladder ladder = {.ways = {VIEWER_DAILY_HASH}, .count = 1};
    const struct viewer_salts salts = {NULL, viewer->salt};
    const struct viewer_marks marks = {.agent = viewer->agent, .client = viewer->client};
    struct viewer_key key;
    enum viewer_way way;
    CHECK(viewer_key_find(&ladder, &salts, &marks, &key, &way));
    return key;
}

struct slice click_rate_key(char buffer[CLICK_RATE_KEY_MAX], struct slice prefix,
                            const struct click_rate_viewer *viewer)
{
    char text[CLICK_RATE_HASH_MAX + 1], tag[CLICK_RATE_HASH_MAX + 1];
    const struct viewer_key key = key_of(viewer);
    const struct viewer_key *beside = viewer->address;
    text[base64url_encode(text, key.bytes, VIEWER_KEY_BYTES)] = '\0';
    if (beside)
        tag[base64url_encode(tag, beside->bytes, VIEWER_KEY_BYTES)] = '\0';
    int len = snprintf(buffer, CLICK_RATE_KEY_MAX, "%.*sclicks:{%s}%s", SLICE_ARGS(prefix),
                       beside ? tag : text, beside ? text : "");
    CHECK(len > 0 && len < CLICK_RATE_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct question question = *(struct question *)arg;
    bool said = failure == REDIS_OK && reply->type == REDIS_INTEGER && reply->integer > 0;
    free(arg);
    question.fn(said ? reply->integer : 0, question.arg);
}

void click_rate_count(struct redis *redis, struct slice prefix,
                      const struct click_rate_viewer *viewer, int timeout_ms, click_rate_fn *fn,
                      void *arg)
{
    struct question *question = check_malloc(sizeof *question);
    char buffer[CLICK_RATE_KEY_MAX], window[16];
    struct slice keys[] = {click_rate_key(buffer, prefix, viewer)};
    (void)snprintf(window, sizeof window, "%d", CLICK_RATE_WINDOW_MS);
    struct slice args[] = {slice_cstr(window)};
    *question = (struct question){fn, arg};
    redis_run_script(redis, script_get(SCRIPT_CLICK_RATE), keys, 1, args, 1, timeout_ms, on_answer,
                     question);
}
