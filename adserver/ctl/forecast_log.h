/*
 * forecast_log: the log of requests in Redis (store/request_log.h), read page by page, so that its
 * length costs time and no memory.
 */
#ifndef CTL_FORECAST_LOG_H
#define CTL_FORECAST_LOG_H

#include "ctl/tool.h"
#include "decision/logged_request.h"
#include "decision/replay_kinds.h"
#include "decision/replay_scale.h"
#include "decision/traffic_shape.h"

#define FORECAST_DAYS_MAX 366
#define FORECAST_PAGE     1000 /* entries asked for in one go */
#define FORECAST_ID_MAX   48

/* The part of the log that is replayed, and what is in it. */
struct forecast_window {
    char first[FORECAST_ID_MAX], last[FORECAST_ID_MAX]; /* ids in the stream, both included */
    int64_t begin_ms, end_ms;                           /* of the first and the last request */
    uint64_t records, unreadable;
    uint64_t requests;            /* that they stand for, in thousandths, as scaled */
    uint32_t least_ppm, most_ppm; /* of the samples */
    struct traffic_shape shape;   /* how they spread over the week */
    struct replay_scale *scale;
    struct replay_kinds *kinds;
    bool by_kind; /* the kinds of requests have been counted, and it is scaled by them too */
};

/* One that is all zero is harmless. */
void forecast_log_release(struct forecast_window *window);

/*
 * Looks through the last `days` days up to the newest entry. False with a mistake noted where there
 * is no log.
 */
bool forecast_log_measure(struct tool *tool, int days, struct forecast_window *ret);

/* `weight`: how many requests it stands for, in thousandths. */
typedef void forecast_request_fn(const struct logged_request *request, uint64_t weight, void *arg);

/* Calls `fn` for each request of the window, in order. */
bool forecast_log_walk(struct tool *tool, const struct forecast_window *window,
                       forecast_request_fn *fn, void *arg);

#endif
