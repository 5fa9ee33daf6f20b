#include "serve/api_work.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/url.h"
#include "net/loop.h"

struct api_room *api_room_new(void)
{
    return check_calloc(1, sizeof(struct api_room));
}

void api_room_free(struct api_room *room)
{
    free(room);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Its one end. While commands are under way it waits for the last of them. */
static void end(struct api_work *work)
{
    if (work->reading > 0)
        return;
    work->room->at_work--;
    loop_timer_free(work->timer);
    strbuf_release(&work->answer);
    work->release(work);
}

static void on_gone(struct http_exchange *exchange, void *arg)
{
    struct api_work *work = arg;
    (void)exchange;
    work->exchange = NULL;
    end(work);
}

static void on_timer(void *arg)
{
    struct api_work *work = arg;
    if (work->exchange)
        work->on_turn(work);
}

void api_work_begin(struct api_work *work, struct service *service, struct http_exchange *exchange,
                    struct api_room *room, size_t answer_max, api_work_fn *on_turn,
                    api_work_fn *release)
{
    *work = (struct api_work){.service = service,
                              .exchange = exchange,
                              .room = room,
                              .on_turn = on_turn,
                              .release = release};
    work->timer = loop_timer_new(service->loop, on_timer, work);
    strbuf_init(&work->answer, answer_max);
    room->at_work++;
    http_on_gone(exchange, on_gone, work);
}

void api_work_go_on(struct api_work *work)
{
    loop_timer_set(work->timer, 0);
}

/* Whoever is answered is nobody to wait for. */
static struct http_exchange *take_exchange(struct api_work *work)
{
    struct http_exchange *exchange = work->exchange;
    http_on_gone(exchange, NULL, NULL);
    work->exchange = NULL;
    return exchange;
}

void api_work_answer(struct api_work *work, struct slice content_type)
{
    struct http_response response = {
        .status = 200,
        .content_type = content_type,
        .extra = SLICE(HTTP_NO_STORE),
        .body = strbuf_slice(&work->answer),
    };
    http_respond(take_exchange(work), &response);
    end(work);
}

void api_work_refuse(struct api_work *work, int status, const char *code, struct slice message)
{
    http_respond_error(take_exchange(work), status, code, message);
    end(work);
}

void api_work_refuse_err(struct api_work *work, int status, const char *code, const struct err *err)
{
    api_respond_err(take_exchange(work), status, code, err);
    end(work);
}

bool api_work_replied(struct api_work *work)
{
    CHECK(work->reading > 0);
    work->reading--;
    if (work->exchange)
        return true;
    end(work);
    return false;
}

/* ---- The request ----------------------------------------------------------------------------- */

void api_respond_err(struct http_exchange *exchange, int status, const char *code,
                     const struct err *err)
{
    char message[ERR_WHERE_MAX + ERR_TEXT_MAX + 3];
    int len = snprintf(message, sizeof message, "%s: %s", err->where, err->text);
    CHECK(len > 0 && (size_t)len < sizeof message);
    http_respond_error(exchange, status, code, slice_of(message, (size_t)len));
}

bool api_take_query(struct slice query, struct arena *arena, unsigned max, api_take_fn *take,
                    void *arg, struct err *err)
{
    struct slice name, value;
    for (unsigned count = 0;; count++) {
        enum url_query_result result = url_query_next(&query, arena, &name, &value);
        if (result == URL_QUERY_END)
            return true;
        (void)err_at(err, "query");
        if (result == URL_QUERY_MALFORMED)
            return err_set(err, "malformed: a bad %%-escape, or text that is not UTF-8");
        if (count == max)
            return err_set(err, "more than %u parameters", max);
        if (!take(arg, name, value, err))
            return false;
    }
}
