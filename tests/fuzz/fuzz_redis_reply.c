/*
 * Any bytes as what Redis sends: every command ends exactly once, and what the caps, the ledger and
 * the catalog make of the replies is within its bounds.
 *
 * The first byte of the input chooses who asks: an even one commands, caps and events on one
 * connection, an odd one the catalog, where what stands behind the first 0xff is for the connection
 * that listens to changes. With its second bit set the bytes come in several pieces. They come
 * behind a healthy greeting.
 *
 * All of the room is the real one but the socket, store/redis_link.c, which does not look at the
 * bytes it moves: here stands one that needs no kernel, so that a run costs microseconds.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/catalog_store.h"
#include "store/ledger.h"
#include "store/redis_link.h"
#include "store/viewer_caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS   4
#define CALLS      (COMMANDS + 3) /* with caps, event and flush */
#define TURNS_MAX  200
#define PIECES     8
#define INPUT_MAX  ((size_t)16 * 1024 * 1024)
#define LINKS_MAX  2 /* the catalog's */
#define GREETING   "+OK\r\n:7\r\n*0\r\n$10\r\nrun_id:a\r\n\r\n+PONG\r\n"
#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n"
#define TRACKED    "+OK\r\n+OK\r\n"

static struct loop *loop;
static struct loop_timer *turn_timer;
static const struct redis_target target;

/* ---- The connection: store/redis_link.h without a socket ---- */

struct redis_link {
    struct redis_link_events events;
    void *arg;
    enum { LINK_CLOSED, LINK_OPENING, LINK_OPEN } state;
    bool ended; /* by the peer */
    struct loop_timer *event;
    struct strbuf output;
    size_t sent; /* of the output: all of it, at the end of each turn */
    struct strbuf input;
    size_t read; /* of the input */
    size_t piece;
};

static struct redis_link *links[LINKS_MAX];
static unsigned link_count;

static bool is_readable(const struct redis_link *link)
{
    return link->state == LINK_OPEN && (link->ended || link->read < link->input.len);
}

static void on_link_event(void *arg)
{
    struct redis_link *link = arg;
    link->sent = link->output.len;
    if (link->state == LINK_OPENING) {
        link->state = LINK_OPEN;
        link->events.on_open(link->arg);
    } else if (is_readable(link)) {
        link->events.on_readable(link->arg);
    }
    if (is_readable(link))
        loop_timer_set(link->event, 0);
}

struct redis_link *redis_link_new(struct loop *of, const struct redis_target *to,
                                  const struct redis_link_events *events, void *arg)
{
    struct redis_link *link = check_calloc(1, sizeof *link);
    (void)to;
    link->events = *events;
    link->arg = arg;
    link->event = loop_timer_new(of, on_link_event, link);
    strbuf_init(&link->output, REDIS_OUTPUT_MAX_BYTES);
    strbuf_init(&link->input, INPUT_MAX);
    CHECK(link_count < LINKS_MAX);
    links[link_count++] = link;
    return link;
}

void redis_link_close(struct redis_link *link)
{
    link->state = LINK_CLOSED;
    link->ended = false;
    link->sent = link->read = 0;
    strbuf_clear(&link->output);
    strbuf_clear(&link->input);
    loop_timer_clear(link->event);
}

void redis_link_free(struct redis_link *link)
{
    redis_link_close(link);
    loop_timer_free(link->event);
    strbuf_release(&link->output);
    strbuf_release(&link->input);
    free(link);
}

void redis_link_forget(struct redis_link *link)
{
    (void)link;
}

void redis_link_open(struct redis_link *link)
{
    CHECK(link->state == LINK_CLOSED);
    link->state = LINK_OPENING;
    loop_timer_set(link->event, 0);
}

struct strbuf *redis_link_output(struct redis_link *link)
{
    return &link->output;
}

void redis_link_flush(struct redis_link *link)
{
    loop_timer_set(link->event, 0);
}

bool redis_link_has_room(const struct redis_link *link, size_t bytes)
{
    return bytes <= link->output.max - link->output.len;
}

uint64_t redis_link_written(const struct redis_link *link)
{
    return link->output.len;
}

uint64_t redis_link_sent(const struct redis_link *link)
{
    return link->sent;
}

ssize_t redis_link_read(struct redis_link *link, void *to, size_t capacity, const char **ret_why)
{
    size_t got = link->input.len - link->read;
    CHECK(link->state == LINK_OPEN);
    if (got == 0 && link->ended)
        *ret_why = "closed by Redis";
    if (got == 0)
        return link->ended ? -1 : 0;
    got = got < capacity ? got : capacity;
    got = got < link->piece ? got : link->piece;
    memcpy(to, link->input.ptr + link->read, got);
    link->read += got;
    return (ssize_t)got;
}

void redis_link_read_again(struct redis_link *link)
{
    loop_timer_set(link->event, 0);
}

/* ---- The peer ---- */

static void end_turn(void *arg)
{
    (void)arg;
    loop_stop(loop);
}

static void turn(void)
{
    loop_timer_set(turn_timer, 0);
    loop_run(loop);
}

static void start(void)
{
    if (loop)
        return;
    log_setup(LOG_ERROR + 1, LOG_LOGFMT);
    loop = loop_new();
    turn_timer = loop_timer_new(loop, end_turn, NULL);
}

static void await_open(const struct redis_link *link)
{
    for (unsigned turns = 0; link->state != LINK_OPEN; turns++) {
        CHECK(turns < TURNS_MAX);
        turn();
    }
}

/* Nobody hears it once the connection is given up. */
static void say(struct redis_link *link, const void *bytes, size_t len, unsigned pieces)
{
    if (link->state != LINK_OPEN)
        return;
    strbuf_add(&link->input, bytes, len);
    link->piece = 1 + len / pieces;
    loop_timer_set(link->event, 0);
}

/* Until all that was said is read. */
static void await_read(const struct redis_link *link)
{
    for (unsigned turns = 0; is_readable(link); turns++) {
        CHECK(turns < TURNS_MAX);
        turn();
    }
}

static void hang_up(struct redis_link *link)
{
    link->ended = true;
    loop_timer_set(link->event, 0);
    await_read(link);
}

/* ---- Those who ask ---- */

struct asked {
    unsigned ended[CALLS];
    unsigned count; /* asked */
};

static void end_one(void *arg)
{
    ++*(unsigned *)arg;
}

static void check_reply(const struct redis_reply *reply, unsigned depth)
{
    CHECK(depth < 10);
    if (reply->type == REDIS_ARRAY) {
        for (size_t i = 0; i < reply->count; i++)
            check_reply(&reply->items[i], depth + 1);
    } else if (reply->type != REDIS_NIL && reply->type != REDIS_INTEGER) {
        CHECK(reply->text.ptr[reply->text.len] == '\0');
    }
}

static void on_command(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    bool has_reply = failure == REDIS_OK || failure == REDIS_REFUSED || failure == REDIS_ERROR;
    CHECK(has_reply == (reply != NULL));
    if (reply)
        check_reply(reply, 0);
    end_one(arg);
}

static void on_reserved(enum redis_failure failure, const uint32_t *refused, void *arg)
{
    CHECK((failure == REDIS_OK) == (refused != NULL));
    for (unsigned i = 0; refused && i < PAGE_SLOTS_MAX; i++)
        CHECK(refused[i] >> CANDIDATES_MAX == 0);
    end_one(arg);
}

static void on_recorded(enum ledger_result result, void *arg)
{
    CHECK(result <= LEDGER_FAILED);
    end_one(arg);
}

static void ask_all(struct redis *redis, struct ledger *ledger, struct asked *asked)
{
    static const struct campaign campaign = {.end_us = TIME_UNSET,
                                             .caps = {.item = {{3, 1000, 1}}, .count = 1}};
    static const struct creative creative;
    static struct selection selection = {.slot_count = 2, .needs_caps = true};
    struct viewer_key viewer = {.bytes = {1}};
    struct ledger_event event = {
        .campaign = SLICE("a"), .creative = SLICE("b"), .slot = SLICE("c")};
    selection.slots[0].count = selection.slots[1].count = 1;
    selection.slots[0].candidates[0] =
        (struct candidate){.campaign = &campaign, .creative = &creative, .capped = true};
    selection.slots[1].candidates[0] = selection.slots[0].candidates[0];
    viewer_caps_reserve(redis, SLICE("ad:"), &viewer, &selection, 0, 5000, on_reserved,
                        &asked->ended[asked->count++]);
    ledger_record(ledger, &event, on_recorded, &asked->ended[asked->count++]);
    for (unsigned i = 0; i < COMMANDS; i++)
        redis_command(redis, (struct slice[]){SLICE("GET"), SLICE("a")}, 2, 5000, on_command,
                      &asked->ended[asked->count++]);
    ledger_add_serve(ledger, EVENT_COUNTS, SLICE("a"), SLICE("b"), SLICE("c"), 0);
    ledger_flush(ledger, on_recorded, &asked->ended[asked->count++]);
}

static void try_commands(const uint8_t *data, size_t size, unsigned pieces)
{
    struct asked asked = {{0}, 0};
    struct redis_config config = {.target = &target};
    struct redis *redis = redis_new(loop, &config);
    struct ledger_config ledger_config = {.loop = loop,
                                          .redis = redis,
                                          .clock = &clock_system,
                                          .prefix = SLICE("ad:"),
                                          .page_ttl_ms = 1000};
    struct ledger *ledger = ledger_new(&ledger_config);
    await_open(links[0]);
    say(links[0], GREETING, sizeof GREETING - 1, 1);
    await_read(links[0]);
    CHECK(redis_is_up(redis));
    ask_all(redis, ledger, &asked);
    turn();
    say(links[0], data, size, pieces);
    hang_up(links[0]);
    redis_free(redis);
    ledger_free(ledger);
    for (unsigned i = 0; i < asked.count; i++)
        CHECK(asked.ended[i] == 1);
}

static void check_campaign(const struct campaign *campaign, void *arg)
{
    (void)arg;
    CHECK(id_is_valid(campaign->id));
}

static void check_catalog(struct catalog_store *store)
{
    struct catalog_status status = catalog_store_status(store);
    const struct catalog *catalog = catalog_store_current(store);
    CHECK(status.loaded == (catalog != NULL));
    CHECK(status.rejections_listed <= status.rejection_count);
    if (catalog)
        catalog_each_campaign(catalog, check_campaign, NULL);
}

static void try_catalog(const uint8_t *data, size_t size, unsigned pieces)
{
    const uint8_t *split = size ? memchr(data, 0xff, size) : NULL;
    size_t replies = split ? (size_t)(split - data) : size;
    struct catalog_store_config config = {.loop = loop,
                                          .clock = &clock_system,
                                          .target = &target,
                                          .prefix = SLICE("ad:"),
                                          .state_dir = "/nonexistent"};
    struct catalog_store *store = catalog_store_new(&config);
    struct redis_link *commands = links[0], *listener = links[1];
    await_open(commands);
    await_open(listener);
    say(listener, GREETING SUBSCRIBED, sizeof(GREETING SUBSCRIBED) - 1, 1);
    await_read(listener);
    say(commands, GREETING TRACKED, sizeof(GREETING TRACKED) - 1, 1);
    await_read(commands);
    say(commands, data, replies, pieces);
    if (split)
        say(listener, split + 1, size - replies - 1, pieces);
    await_read(commands);
    await_read(listener);
    hang_up(commands);
    hang_up(listener);
    check_catalog(store);
    catalog_store_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size == 0)
        return 0;
    unsigned pieces = data[0] & 2 ? PIECES : 1;
    link_count = 0;
    if (data[0] % 2 == 0)
        try_commands(data + 1, size - 1, pieces);
    else
        try_catalog(data + 1, size - 1, pieces);
    return 0;
}
