/*
 * api_work: an answer of the API that takes longer than one turn of the loop may.
 *
 * It is made in slices, one a turn, and may wait for commands in Redis. It has one end: when it has
 * been answered or refused, or its client has gone, and no command is under way any more.
 */
#ifndef SERVE_API_WORK_H
#define SERVE_API_WORK_H

#include "base/err.h"
#include "http/exchange.h"
#include "serve/service.h"

/* How many of a kind a worker has at work. */
struct api_room {
    unsigned at_work;
};
struct api_room *api_room_new(void);
/* None may be at work any more. */
void api_room_free(struct api_room *room);

struct api_work;
typedef void api_work_fn(struct api_work *work);

/* Stands first in what its kind knows beside it. */
struct api_work {
    struct service *service;
    struct http_exchange *exchange; /* NULL: it has been answered, or its client has gone */
    struct strbuf answer;
    unsigned reading; /* commands under way in Redis */
    /* its own: */
    struct loop_timer *timer;
    struct api_room *room;
    api_work_fn *on_turn, *release;
};

/*
 * `on_turn` is called in the turns that api_work_go_on() asks for, as long as there is somebody to
 * answer; `release` at the end, to free what its kind has, and the work itself. The answer may have
 * `answer_max` bytes.
 */
void api_work_begin(struct api_work *work, struct service *service, struct http_exchange *exchange,
                    struct api_room *room, size_t answer_max, api_work_fn *on_turn,
                    api_work_fn *release);
void api_work_go_on(struct api_work *work);

/* With its answer, or an error. The work is over when this returns, unless it waits for Redis. */
void api_work_answer(struct api_work *work, struct slice content_type);
void api_work_refuse(struct api_work *work, int status, const char *code, struct slice message);
void api_work_refuse_err(struct api_work *work, int status, const char *code,
                         const struct err *err);

/* A reply has come. False: nobody waits for it; it may have been the last, and all be over. */
bool api_work_replied(struct api_work *work);

/* ---- The request ----------------------------------------------------------------------------- */

/* "where: what is wrong" */
void api_respond_err(struct http_exchange *exchange, int status, const char *code,
                     const struct err *err);

/* Takes one parameter; false with `err`. */
typedef bool api_take_fn(void *arg, struct slice name, struct slice value, struct err *err);

/* All of the query's, `max` at most, with their escapes undone in the arena; false with `err`. */
bool api_take_query(struct slice query, struct arena *arena, unsigned max, api_take_fn *take,
                    void *arg, struct err *err);

#endif
