#include "serve/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "http/h1.h"
#include "http/router.h"
#include "net/listener.h"
#include "net/loop.h"
#include "net/workers.h"
#include "serve/api.h"
#include "serve/api_work.h"
#include "serve/event.h"
#include "serve/event_outcome.h"
#include "serve/exposition.h"
#include "serve/health.h"
#include "serve/page.h"
#include "serve/service.h"
#include "serve/stats.h"
#include "serve/tags.h"
#include "store/compactor.h"
#include "store/event_streams.h"
#include "store/request_log.h"
#include "store/spool.h"

#define TICK_MS  100 /* housekeeping: gauges, a look at the key ring */
#define START_MS 5   /* looks at readiness while starting */

static const struct http_route public_routes[] = {
    {SLICE_INIT("/v1/ads"), ROUTE_GET | ROUTE_POST, true, COUNTER_REQUEST_ADS, page_handle},
    {SLICE_INIT("/v1/i/"), ROUTE_GET | ROUTE_POST, true, COUNTER_REQUEST_IMPRESSION,
     event_handle_impression},
    {SLICE_INIT("/v1/v/"), ROUTE_GET | ROUTE_POST, true, COUNTER_REQUEST_VIEWABLE,
     event_handle_viewable},
    {SLICE_INIT("/v1/c/"), ROUTE_GET, true, COUNTER_REQUEST_CLICK, event_handle_click},
    {SLICE_INIT("/v1/x/"), ROUTE_GET | ROUTE_POST, true, COUNTER_REQUEST_CONVERSION,
     event_handle_conversion},
    {SLICE_INIT("/tag.js"), ROUTE_GET, true, COUNTER_REQUEST_TAG, tags_handle_tag},
    {SLICE_INIT("/demo"), ROUTE_GET, false, COUNTER_REQUEST_DEMO, tags_handle_demo_root},
    {SLICE_INIT("/demo/"), ROUTE_GET, false, COUNTER_REQUEST_DEMO, tags_handle_demo},
};

static const struct http_route admin_routes[] = {
    {SLICE_INIT("/healthz"), ROUTE_GET, false, COUNTER_REQUEST_ADMIN, health_handle_healthz},
    {SLICE_INIT("/readyz"), ROUTE_GET, false, COUNTER_REQUEST_ADMIN, health_handle_readyz},
    {SLICE_INIT("/stats"), ROUTE_GET, false, COUNTER_REQUEST_ADMIN, stats_handle},
    {SLICE_INIT("/metrics"), ROUTE_GET, false, COUNTER_REQUEST_ADMIN, exposition_handle},
    {SLICE_INIT("/api/"), ROUTE_GET, false, COUNTER_REQUEST_ADMIN, api_handle},
};

/* A listener of connections: its protocol server and the sockets it accepts from. */
struct door {
    struct http_router *router;
    struct h1_server *server;
    struct listener *listeners[LISTEN_MAX];
    unsigned count;
};

struct worker {
    const struct worker_config *config;
    struct service service;
    struct door public_door, admin_door;
    struct loop_timer *tick, *start, *drain_limit;
    int64_t started_us;
    unsigned doors_draining;
    bool draining;
};

/* Gauges on this worker's row of the page of metrics */

static void tick(void *arg)
{
    struct worker *worker = arg;
    struct service *service = &worker->service;
    struct metrics_worker *row = metrics_self(service->metrics);

    row->redis_connected = redis_is_up(service->redis);
    row->redis_pending = redis_pending(service->redis);
    if (service->spool) {
        row->spool_waiting = spool_waiting(service->spool);
        row->spool_bytes = spool_bytes(service->spool);
        row->spool_trouble = spool_trouble(service->spool)[0] != '\0';
    }
    token_codec_refresh(service->tokens, clock_wall_us(service->clock));
    loop_timer_set(worker->tick, TICK_MS * US_PER_MS);
}

static void on_redis_up(void *arg)
{
    struct worker *worker = arg;
    metrics_self(worker->service.metrics)->redis_connected = 1;
    secrets_refresh(worker->service.secrets);
    ledger_on_redis_up(worker->service.ledger);
}

static void on_redis_down(void *arg)
{
    struct worker *worker = arg;
    metrics_self(worker->service.metrics)->redis_connected = 0;
}

/* Doors */

static void door_make(struct worker *worker, struct door *door, const struct http_route *routes,
                      size_t count)
{
    struct h1_config config = {
        .options = worker->service.options,
        .metrics = worker->service.metrics,
        .handler = http_router_handle,
    };
    door->router = http_router_new(routes, count, &worker->service);
    config.context = door->router;
    door->server = h1_server_new(worker->service.loop, &config);
}

static void door_open(struct worker *worker, struct door *door, const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        door->listeners[door->count++] = listener_new(
            worker->service.loop, fds[i], worker->service.metrics, h1_server_accept, door->server);
}

static void door_close(struct door *door)
{
    while (door->count > 0)
        listener_free(door->listeners[--door->count]);
}

static void door_release(struct door *door)
{
    door_close(door);
    h1_server_free(door->server);
    http_router_free(door->router);
}

/* This process's ends; when the last process has closed its own, clients are refused. */
static void close_sockets(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)close(fds[i]);
}

/* Starting: connections are accepted once there is something to answer with. */

static bool has_all(const struct worker *worker)
{
    const struct service *service = &worker->service;
    struct catalog_status status = catalog_store_status(service->catalog);
    return redis_is_up(service->redis) && status.loaded && !status.from_disk &&
           secrets_viewer(service->secrets) != NULL;
}

static void start(void *arg)
{
    struct worker *worker = arg;
    const struct worker_config *config = worker->config;
    int64_t waited_us = clock_mono_us(worker->service.clock) - worker->started_us;

    if (worker->draining)
        return;
    if (!has_all(worker) && waited_us < WORKER_READY_WAIT_MS * US_PER_MS) {
        loop_timer_set(worker->start, START_MS * US_PER_MS);
        return;
    }
    if (!has_all(worker))
        log_event(LOG_WARNING, "worker: starts without Redis",
                  LOG_STR("catalog", catalog_store_current(worker->service.catalog)
                                         ? "the last good one from disk"
                                         : "none"));
    door_open(worker, &worker->public_door, config->public_fds, config->public_count);
    door_open(worker, &worker->admin_door, config->admin_fds, config->admin_count);
    workers_ready();
}

/* Draining: no new connections; requests in flight are answered; counts are written; the end. */

static void on_flushed(enum ledger_result result, void *arg)
{
    struct worker *worker = arg;
    if (result == LEDGER_FAILED)
        log_event(LOG_WARNING, "worker: the last serves could not be written");
    loop_stop(worker->service.loop);
}

static void finish(void *arg)
{
    struct worker *worker = arg;
    goals_give_back(worker->service.goals);
    ledger_flush(worker->service.ledger, on_flushed, worker);
}

static void give_up(void *arg)
{
    struct worker *worker = arg;
    log_event(LOG_WARNING, "worker: connections left when the time to drain was over",
              LOG_INT("connections", h1_server_connections(worker->public_door.server)));
    finish(worker);
}

static void on_door_drained(void *arg)
{
    struct worker *worker = arg;
    if (--worker->doors_draining > 0)
        return;
    loop_timer_clear(worker->drain_limit);
    finish(worker);
}

/* How long clients may take, so that all is done when the supervisor's patience ends. */
static int64_t drain_limit_ms(int64_t drain_ms)
{
    int64_t last_ms = drain_ms * WORKER_LAST_PERCENT / 100;
    return drain_ms - (last_ms < WORKER_LAST_MAX_MS ? last_ms : WORKER_LAST_MAX_MS);
}

static void drain(void *arg)
{
    struct worker *worker = arg;
    int64_t limit_ms = drain_limit_ms(worker->service.options->server_drain_seconds_in_ms);
    int64_t grace_ms = limit_ms < WORKER_IDLE_GRACE_MS ? limit_ms : WORKER_IDLE_GRACE_MS;

    if (worker->draining)
        return;
    worker->draining = true;
    metrics_self(worker->service.metrics)->draining = 1;
    loop_timer_set(worker->drain_limit, limit_ms * US_PER_MS);
    worker->doors_draining = 2;
    door_close(&worker->public_door);
    door_close(&worker->admin_door);
    close_sockets(worker->config->public_fds, worker->config->public_count);
    close_sockets(worker->config->admin_fds, worker->config->admin_count);
    h1_server_drain(worker->public_door.server, grace_ms * US_PER_MS, on_door_drained, worker);
    h1_server_drain(worker->admin_door.server, grace_ms * US_PER_MS, on_door_drained, worker);
}

/* Putting together and taking apart */

static void make_request_log(struct service *service)
{
    struct request_log_config config = {
        .loop = service->loop,
        .redis = service->redis,
        .metrics = service->metrics,
        .prefix = service->prefix,
        .sample_ppm = (uint32_t)service->options->forecast_sample_ppm,
        .entries_max = (uint64_t)service->options->forecast_entries_max,
    };
    service->request_log = request_log_new(&config);
}

/* The first worker packs old hours, for all. */
static void make_compactor(struct worker *worker)
{
    struct service *service = &worker->service;
    struct compactor_config config = {
        .loop = service->loop,
        .redis = service->redis,
        .clock = service->clock,
        .prefix = service->prefix,
        .after_ms = service->options->reports_compact_after_in_ms,
    };
    if (worker->config->number == 0 && config.after_ms > 0)
        service->compactor = compactor_new(&config);
}

static void on_learnt(const struct traffic_shape *shape, void *arg)
{
    struct service *service = arg;
    service->shape = shape;
    goals_set_shape(service->goals, shape);
}

/* A campaign whose goal is met costs a decision nothing. */
static void on_closed(struct slice campaign, bool closed, void *arg)
{
    const struct service *service = arg;
    struct catalog *catalog = catalog_store_current(service->catalog);
    if (catalog)
        catalog_set_open(catalog, campaign, !closed);
}

static struct event_streams *make_streams(struct service *service)
{
    const struct options *options = service->options;
    return options->events_stream == 1
               ? event_streams_new(service->redis, service->clock, service->prefix,
                                   (uint64_t)options->events_stream_max)
               : NULL;
}

/* Where Redis is far away, and a decision may wait for it, so may an event. */
static int ledger_patience_ms(int redis_timeout_ms)
{
    if (redis_timeout_ms < LEDGER_PATIENCE_MS)
        return LEDGER_PATIENCE_MS;
    return redis_timeout_ms < LEDGER_PATIENCE_MAX_MS ? redis_timeout_ms : LEDGER_PATIENCE_MAX_MS;
}

static void make_store(struct worker *worker)
{
    struct service *service = &worker->service;
    const struct settings *settings = worker->config->settings;
    struct redis_config redis = {
        .target = &settings->redis,
        .metrics = service->metrics,
        .on_up = on_redis_up,
        .on_down = on_redis_down,
        .arg = worker,
    };
    struct catalog_store_config catalog = {
        .loop = service->loop,
        .clock = service->clock,
        .target = &settings->redis,
        .prefix = service->prefix,
        .state_dir = service->options->server_state_dir,
        .persist = worker->config->number == 0,
        .metrics = service->metrics,
    };
    struct ledger_config ledger = {
        .loop = service->loop,
        .clock = service->clock,
        .prefix = service->prefix,
        .page_ttl_ms = service->options->tokens_page_ttl_in_ms,
        .click_window_ms = service->options->conversions_click_window_in_ms,
        .view_window_ms = service->options->conversions_view_window_in_ms,
        .spool = service->spool,
        .board = worker->config->board,
        .patience_ms = ledger_patience_ms(service->redis_timeout_ms),
        .refuse_without_impression = service->options->bots_click_without_impression == 1,
        .waiting = event_outcome_waiting,
        .goal_of = event_outcome_goal,
        .knows_goals = event_outcome_knows_goals,
        .on_result = event_note_result,
        .on_replayed = event_outcome_replayed,
        .arg = service,
    };

    struct goals_config goals = {
        .loop = service->loop,
        .clock = service->clock,
        .prefix = service->prefix,
        .hold_ms = service->options->goals_hold_in_ms,
        .metrics = service->metrics,
        .on_closed = on_closed,
        .arg = service,
    };
    struct traffic_config traffic = {
        .loop = service->loop,
        .clock = service->clock,
        .prefix = service->prefix,
        .on_learnt = on_learnt,
    };

    service->redis = redis_new(service->loop, &redis);
    goals.redis = service->redis;
    service->goals = goals_new(&goals);
    catalog.goals = service->goals;
    traffic.redis = service->redis;
    traffic.arg = service;
    service->traffic = traffic_new(&traffic);
    service->secrets = secrets_new(service->loop, service->redis, service->clock, service->prefix);
    service->catalog = catalog_store_new(&catalog);
    ledger.redis = service->redis;
    ledger.streams = service->streams = make_streams(service);
    service->ledger = ledger_new(&ledger);
    service->impressions = impression_numbers_new();
    make_request_log(service);
    make_compactor(worker);
}

static void make_service(struct worker *worker)
{
    struct service *service = &worker->service;
    const struct settings *settings = worker->config->settings;
    int64_t redis_ms =
        settings->options->server_deadline_ms_in_ms * SERVICE_REDIS_SHARE_PERCENT / 100;

    service->options = settings->options;
    service->clock = &clock_system;
    service->metrics = worker->config->metrics;
    service->young = worker->config->young;
    service->share_rest = worker->config->share_rest;
    service->loop = loop_new();
    service->pages = page_pool_new();
    service->explaining = api_room_new();
    service->reporting = api_room_new();
    service->prefix = slice_cstr(settings->options->redis_prefix);
    service->public_url = slice_cstr(settings->options->server_public_url);
    service->ladder = settings->ladder;
    service->trusted = settings->trusted;
    service->crawlers = crawlers_new(settings->crawlers);
    service->judged_by = (struct traffic_rules){&service->trusted, &settings->internal,
                                                service->crawlers, service->metrics};
    service->geo = settings->geo;
    service->api_token = &settings->api_token;
    service->redis_timeout_ms = redis_ms > 0 ? (int)redis_ms : 1;
    random_seed_from_system(&service->random);
    strbuf_init(&service->answer, SERVICE_ANSWER_MAX);
}

/* A worker that has nowhere to spool serves all the same: then only Redis takes events. */
static void make_spool(struct service *service, struct spool_marks *marks)
{
    struct err err = {0};
    const struct spool_config config = {
        .loop = service->loop,
        .clock = service->clock,
        .metrics = service->metrics,
        .marks = marks,
        .state_dir = service->options->server_state_dir,
        .fsync = (enum spool_fsync)service->options->spool_fsync,
        .bytes_max = (uint64_t)service->options->spool_bytes_max,
    };
    service->spool = spool_new(&config, &err);
    if (!service->spool)
        log_event(LOG_ERROR, "worker: no spool, events need Redis", LOG_STR("where", err.where),
                  LOG_STR("error", err.text));
}

static bool make_tokens(struct worker *worker)
{
    const struct settings *settings = worker->config->settings;
    const struct options *options = settings->options;
    const struct token_times times = {
        .page_ttl_ms = options->tokens_page_ttl_in_ms,
        .click_id_ttl_ms = conversion_window_ms(options->tokens_page_ttl_in_ms,
                                                options->conversions_click_window_in_ms,
                                                options->conversions_view_window_in_ms),
    };
    struct err err = {0};
    worker->service.tokens = token_codec_new(settings->keyring_path, times, &err);
    if (!worker->service.tokens)
        log_event(LOG_ERROR, "worker: no key ring", LOG_STR("where", err.where),
                  LOG_STR("error", err.text));
    return worker->service.tokens != NULL;
}

static void make_timers(struct worker *worker)
{
    struct loop *loop = worker->service.loop;
    worker->tick = loop_timer_new(loop, tick, worker);
    worker->start = loop_timer_new(loop, start, worker);
    worker->drain_limit = loop_timer_new(loop, give_up, worker);
    loop_timer_set(worker->tick, 0);
    loop_timer_set(worker->start, 0);
    loop_on_signal(loop, SIGTERM, drain, worker);
    workers_take_signals();
}

/* In reverse; the exchanges go first, then what their waiting parts still hold. */
static void release(struct worker *worker)
{
    struct service *service = &worker->service;
    door_release(&worker->public_door);
    door_release(&worker->admin_door);
    loop_timer_free(worker->tick);
    loop_timer_free(worker->start);
    loop_timer_free(worker->drain_limit);
    redis_free(service->redis); /* ends what waits for it, which needs the parts below */
    compactor_free(service->compactor);
    request_log_free(service->request_log);
    spool_free(service->spool); /* says what has become of what is on its way there */
    ledger_free(service->ledger);
    event_streams_free(service->streams);
    impression_numbers_free(service->impressions);
    traffic_free(service->traffic);
    goals_free(service->goals);
    secrets_free(service->secrets);
    catalog_store_free(service->catalog);
    page_pool_free(service->pages);
    api_room_free(service->explaining);
    crawlers_free(service->crawlers);
    api_room_free(service->reporting);
    token_codec_free(service->tokens);
    strbuf_release(&service->answer);
    loop_free(service->loop);
}

static void on_turn(int64_t us, void *metrics)
{
    metrics_observe(metrics, LATENCY_LOOP_TURN, us);
}

/*
 * What the loop's own handler gives way to at the end: a worker that is on its way out and told so
 * once more is not to die of it.
 */
static void told_again(int number)
{
    (void)number;
}

int worker_run(const struct worker_config *config)
{
    struct worker worker = {.config = config};

    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN); /* a terminal sends it to all; the supervisor tells us */
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGTERM, told_again);
    worker.started_us = clock_mono_us(&clock_system);
    if (!make_tokens(&worker))
        return 1;
    make_service(&worker);
    make_spool(&worker.service, config->marks);
    make_store(&worker);
    door_make(&worker, &worker.public_door, public_routes,
              sizeof(public_routes) / sizeof(*public_routes));
    door_make(&worker, &worker.admin_door, admin_routes,
              sizeof(admin_routes) / sizeof(*admin_routes));
    make_timers(&worker);
    loop_on_turn(worker.service.loop, on_turn, worker.service.metrics);
    loop_run(worker.service.loop);
    release(&worker);
    return 0;
}
