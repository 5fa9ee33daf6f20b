/*
 * Any bytes as what Redis sends: every command ends exactly once, and what the caps, the ledger and
 * the catalog make of the replies is within its bounds.
 *
 * The first byte of the input chooses who asks: an even one commands, caps and events on one
 * connection, an odd one the catalog, where what stands behind the first 0xff is for the connection
 * that listens to changes. The connections are real ones; the bytes come after a healthy greeting.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/catalog_store.h"
#include "store/ledger.h"
#include "store/viewer_caps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS   4
#define CALLS      (COMMANDS + 3) /* with caps, event and flush */
#define TURNS_MAX  200
#define GREETING   "+OK\r\n:7\r\n*0\r\n+PONG\r\n"
#define SUBSCRIBED "*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n"
#define TRACKED    "+OK\r\n+OK\r\n"

static struct loop *loop;
static struct loop_timer *turn_timer;
static struct redis_target target;
static int listening = -1;

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

static void remove_socket(void)
{
    (void)unlink(target.unix_path);
}

static void start(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (listening >= 0)
        return;
    log_setup(LOG_ERROR + 1, LOG_LOGFMT);
    loop = loop_new();
    turn_timer = loop_timer_new(loop, end_turn, NULL);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/tmp/masthead-fuzz-%d",
                   (int)getpid());
    (void)unlink(address.sun_path);
    target.unix_path = check_strdup(address.sun_path);
    CHECK(atexit(remove_socket) == 0);
    listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(listening >= 0);
    CHECK(bind(listening, (const struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listening, 16) == 0);
}

static int await_peer(void)
{
    int peer;
    unsigned turns = 0;
    while ((peer = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) < 0) {
        CHECK(turns++ < TURNS_MAX);
        turn();
    }
    return peer;
}

/* Connections that were made again before their owner went. */
static void turn_away_others(void)
{
    int peer;
    while ((peer = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        (void)close(peer);
}

/* Drops what cannot be taken: inputs are small. */
static void say(int peer, const void *bytes, size_t len)
{
    (void)!send(peer, bytes, len, MSG_NOSIGNAL);
}

/* All that was said is read, and the end of the connection too. */
static void hang_up(int peer)
{
    (void)shutdown(peer, SHUT_WR);
    for (unsigned i = 0; i < 4; i++)
        turn();
    (void)close(peer);
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
    struct viewer_key viewer = {{1}};
    struct ledger_event event = {
        .campaign = SLICE("a"), .creative = SLICE("b"), .slot = SLICE("c")};
    selection.slots[0].count = selection.slots[1].count = 1;
    selection.slots[0].candidates[0] = (struct candidate){&campaign, &creative, true};
    selection.slots[1].candidates[0] = selection.slots[0].candidates[0];
    viewer_caps_reserve(redis, SLICE("ad:"), &viewer, &selection, 0, 5000, on_reserved,
                        &asked->ended[asked->count++]);
    ledger_record(ledger, &event, 5000, on_recorded, &asked->ended[asked->count++]);
    for (unsigned i = 0; i < COMMANDS; i++)
        redis_command(redis, (struct slice[]){SLICE("GET"), SLICE("a")}, 2, 5000, on_command,
                      &asked->ended[asked->count++]);
    ledger_add_serve(ledger, SLICE("a"), SLICE("b"), SLICE("c"), 0);
    ledger_flush(ledger, on_recorded, &asked->ended[asked->count++]);
}

static void try_commands(const uint8_t *data, size_t size)
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
    int peer = await_peer();
    say(peer, GREETING, sizeof GREETING - 1);
    for (unsigned turns = 0; !redis_is_up(redis); turns++) {
        CHECK(turns < TURNS_MAX);
        turn();
    }
    ask_all(redis, ledger, &asked);
    say(peer, data, size);
    hang_up(peer);
    redis_free(redis);
    ledger_free(ledger);
    for (unsigned i = 0; i < asked.count; i++)
        CHECK(asked.ended[i] == 1);
}

static void check_catalog(struct catalog_store *store)
{
    struct catalog_status status = catalog_store_status(store);
    const struct catalog *catalog = catalog_store_current(store);
    CHECK(status.loaded == (catalog != NULL));
    CHECK(status.rejections_listed <= status.rejection_count);
    for (unsigned i = 0; catalog && i < catalog->campaign_count; i++)
        CHECK(id_is_valid(catalog->campaigns[i]->id));
}

static void try_catalog(const uint8_t *data, size_t size)
{
    const uint8_t *split = size ? memchr(data, 0xff, size) : NULL;
    size_t replies = split ? (size_t)(split - data) : size;
    struct catalog_store_config config = {.loop = loop,
                                          .clock = &clock_system,
                                          .target = &target,
                                          .prefix = SLICE("ad:"),
                                          .state_dir = "/nonexistent"};
    struct catalog_store *store = catalog_store_new(&config);
    int commands = await_peer(), listener = await_peer();
    say(listener, GREETING SUBSCRIBED, sizeof(GREETING SUBSCRIBED) - 1);
    turn();
    turn();
    say(commands, GREETING TRACKED, sizeof(GREETING TRACKED) - 1);
    turn();
    turn();
    say(commands, data, replies);
    if (split)
        say(listener, split + 1, size - replies - 1);
    turn();
    turn();
    check_catalog(store);
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
    if (data[0] % 2 == 0)
        try_commands(data + 1, size - 1);
    else
        try_catalog(data + 1, size - 1);
    turn_away_others();
    return 0;
}
