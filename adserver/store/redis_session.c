#include "store/redis_session.h"

#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "store/redis_reply.h"
#include "store/redis_sentinel.h"
#include "store/redis_slots.h"
#include "store/redis_talk.h"
#include "store/redis_wire.h"

#define REPLIES_MAX  ((size_t)1024 * 1024 * 1024) /* one batch of replies */
#define COMMANDS_MAX ((size_t)512 * 1024 * 1024)  /* one batch of commands, in bytes */
#define SENTINEL_MS  1000                         /* for one of them to answer */
#define DETOURS_MAX  100                          /* of one command */
#define TRY_AGAIN_NS (20 * 1000 * 1000)           /* while a slot is being moved */

/*
 * One server is one talk. A cluster is one with each of its servers, made when first needed, and
 * commands are kept in bytes until their batch is over, since one may have to go to another server
 * than it went to first: by a talk of its own, so that it does not come between the others'
 * replies.
 */
struct server {
    struct redis_place place;
    struct redis_talk *talk;   /* NULL: not needed yet */
    struct redis_talk *detour; /* likewise */
};

struct command {
    size_t from, len; /* in `commands` */
    unsigned slot;
    bool has_key;
    struct redis_talk *asked; /* NULL: not sent */
};

struct redis_session {
    struct arena *replies;  /* of the batch being fetched */
    struct redis_talk *one; /* NULL: a cluster */
    unsigned unfetched;

    /* A cluster's */
    struct redis_target target; /* credentials, and the address being connected to */
    int timeout_ms;
    struct redis_slots *slots;
    struct server servers[REDIS_SERVERS_MAX];
    unsigned server_count;
    struct strbuf bytes;
    struct command *commands;
    unsigned count, capacity, sent;
    bool broken; /* a command could not be sent, so none of this batch is */
};

/* ---- By the word of the sentinels ---- */

/* What one sentinel says, where its word counts more than that of those before. */
static bool hear(struct redis_talk *sentinel, const char *service,
                 struct redis_sentinel_answer *best, struct err *err)
{
    struct slice address[] = {SLICE("SENTINEL"), SLICE("GET-MASTER-ADDR-BY-NAME"),
                              slice_cstr(service)};
    struct slice primary[] = {SLICE("SENTINEL"), SLICE("MASTER"), slice_cstr(service)};
    struct redis_sentinel_answer answer = {.host = ""};
    const struct redis_reply *reply = redis_talk_call(sentinel, address, 3, err);
    if (!reply)
        return false;
    const char *why = redis_sentinel_read_address(reply, &answer);
    if (why)
        return redis_talk_refused(sentinel, slice_cstr(why), err);
    reply = redis_talk_call(sentinel, primary, 3, err);
    if (reply)
        answer.epoch = redis_sentinel_read_epoch(reply);
    if (!best->host[0] || answer.epoch > best->epoch)
        *best = answer;
    return true;
}

static void ask_sentinel(struct redis_session *session, const struct redis_target *target,
                         const struct redis_address *where, struct redis_sentinel_answer *best,
                         struct err *err)
{
    struct redis_target at = redis_target_sentinel(target, where->host, where->port);
    struct redis_talk *sentinel = redis_talk_open(&at, SENTINEL_MS, session->replies, err);
    if (sentinel)
        (void)hear(sentinel, target->service, best, err);
    redis_talk_close(sentinel);
    redis_target_release(&at);
}

static bool open_primary(struct redis_session *session, const struct redis_target *target,
                         int timeout_ms, struct err *err)
{
    struct redis_sentinel_answer best = {.host = ""};
    for (unsigned i = 0; i < target->seed_count; i++)
        ask_sentinel(session, target, &target->seeds[i], &best, err);
    if (!best.host[0])
        return false;
    struct redis_target at = redis_target_at(target, best.host, best.port);
    session->one = redis_talk_open(&at, timeout_ms, session->replies, err);
    redis_target_release(&at);
    return session->one != NULL;
}

/* ---- A cluster's servers ---- */

static struct redis_talk *talk_at(struct redis_session *session, const struct redis_place *place,
                                  struct err *err)
{
    redis_target_move(&session->target, place->host, place->port);
    return redis_talk_open(&session->target, session->timeout_ms, session->replies, err);
}

static struct server *server_at(struct redis_session *session, const struct redis_place *place,
                                struct err *err)
{
    for (unsigned i = 0; i < session->server_count; i++) {
        struct server *server = &session->servers[i];
        if (server->place.port == place->port && strcmp(server->place.host, place->host) == 0)
            return server;
    }
    if (session->server_count == REDIS_SERVERS_MAX) {
        (void)err_at(err, "Redis Cluster");
        (void)err_set(err, "the cluster has more than %d primaries", REDIS_SERVERS_MAX);
        return NULL;
    }
    struct server *server = &session->servers[session->server_count++];
    server->place = *place;
    return server;
}

/* Asks one of the URL's servers who holds what. */
static bool read_slots(struct redis_session *session, const struct redis_address *seed,
                       struct err *err)
{
    struct slice args[] = {SLICE("CLUSTER"), SLICE("SLOTS")};
    redis_target_move(&session->target, seed->host, seed->port);
    struct redis_talk *talk =
        redis_talk_open(&session->target, session->timeout_ms, session->replies, err);
    if (!talk)
        return false;
    const struct redis_reply *reply = redis_talk_call(talk, args, 2, err);
    const char *why = reply ? redis_slots_read(reply, seed->host, session->slots) : NULL;
    if (why)
        (void)redis_talk_refused(talk, slice_cstr(why), err);
    redis_talk_close(talk);
    return reply && !why;
}

static bool open_cluster(struct redis_session *session, const struct redis_target *target,
                         int timeout_ms, struct err *err)
{
    session->target = redis_target_at(target, "", 0);
    session->timeout_ms = timeout_ms;
    session->slots = check_calloc(1, sizeof *session->slots);
    strbuf_init(&session->bytes, COMMANDS_MAX);
    for (unsigned i = 0; i < target->seed_count; i++) {
        if (read_slots(session, &target->seeds[i], err))
            return true;
    }
    return false;
}

/* ---- A cluster's commands ---- */

static void note_command(struct redis_session *session, const struct slice *args, unsigned count)
{
    struct slice key = SLICE("");
    if (session->count == session->capacity) {
        session->capacity = session->capacity ? 2 * session->capacity : 64;
        session->commands =
            check_realloc(session->commands, session->capacity * sizeof *session->commands);
    }
    struct command *command = &session->commands[session->count++];
    *command = (struct command){.from = session->bytes.len};
    redis_wire_command(&session->bytes, args, count);
    CHECK(!session->bytes.overflowed);
    command->len = session->bytes.len - command->from;
    command->has_key = redis_key_of(args, count, &key);
    command->slot = redis_slot_of(key);
}

/* Who holds the slot; what has no key goes to any. */
static struct server *holder(struct redis_session *session, const struct command *command,
                             struct err *err)
{
    unsigned number = command->has_key ? session->slots->holder[command->slot] : 1;
    if (number > 0)
        return server_at(session, &session->slots->primaries[number - 1], err);
    (void)err_at(err, "Redis Cluster");
    (void)err_set(err, "no server of the cluster holds slot %u", command->slot);
    return NULL;
}

static struct slice bytes_of(const struct redis_session *session, const struct command *command)
{
    return slice_of(session->bytes.ptr + command->from, command->len);
}

static bool send_command(struct redis_session *session, struct command *command, struct err *err)
{
    struct server *server = holder(session, command, err);
    if (!server)
        return false;
    if (!server->talk && !(server->talk = talk_at(session, &server->place, err)))
        return false;
    command->asked = server->talk;
    redis_talk_queue_wire(server->talk, bytes_of(session, command));
    return true;
}

/* ---- Detours ---- */

/* Sends the command once more, to another server; NULL when the connection broke. */
static const struct redis_reply *ask_there(struct redis_session *session,
                                           const struct command *command, struct server *server,
                                           bool asking, struct err *err)
{
    static const struct slice ask[] = {SLICE_INIT("ASKING")};
    if (!server->detour && !(server->detour = talk_at(session, &server->place, err)))
        return NULL;
    if (asking && !redis_talk_call(server->detour, ask, 1, err))
        return NULL;
    redis_talk_queue_wire(server->detour, bytes_of(session, command));
    return redis_talk_fetch(server->detour, err);
}

static void note_holder(struct redis_session *session, unsigned slot,
                        const struct redis_place *place)
{
    struct redis_slots *slots = session->slots;
    for (unsigned i = 0; i < slots->count; i++) {
        if (slots->primaries[i].port == place->port &&
            strcmp(slots->primaries[i].host, place->host) == 0) {
            slots->holder[slot] = (uint16_t)(i + 1);
            return;
        }
    }
    if (slots->count == REDIS_SERVERS_MAX)
        return;
    slots->primaries[slots->count++] = *place;
    slots->holder[slot] = (uint16_t)slots->count;
}

/* Where a redirection leads, or once more to the holder after a pause; NULL with `err` on failure.
 */
static struct server *next_server(struct redis_session *session, const struct command *command,
                                  const struct redis_reply *reply, bool *ret_asking,
                                  struct err *err)
{
    struct timespec pause = {0, TRY_AGAIN_NS};
    struct redis_place place;
    unsigned slot;
    bool moved = redis_reply_says(reply, SLICE("MOVED"));
    *ret_asking = redis_reply_says(reply, SLICE("ASK"));
    if (!moved && !*ret_asking) {
        (void)nanosleep(&pause, NULL);
        return holder(session, command, err);
    }
    if (!redis_redirect_read(reply->text, session->target.host, &slot, &place)) {
        (void)err_at(err, "Redis Cluster");
        (void)err_set(err, "%s", err_quote(reply->text));
        return NULL;
    }
    if (moved)
        note_holder(session, slot, &place);
    return server_at(session, &place, err);
}

static const struct redis_reply *follow(struct redis_session *session,
                                        const struct command *command,
                                        const struct redis_reply *reply, struct err *err)
{
    for (unsigned i = 0; reply && redis_reply_redirects(reply) && i < DETOURS_MAX; i++) {
        bool asking;
        struct server *server = next_server(session, command, reply, &asking, err);
        reply = server ? ask_there(session, command, server, asking, err) : NULL;
    }
    return reply;
}

/* All of the batch. Where a server can't be reached none of it is sent, and the first to ask is
 * told why. */
static bool send_all(struct redis_session *session, struct err *err)
{
    if (session->broken)
        return err_at(err, "Redis Cluster"), err_set(err, "not sent, because of the above");
    while (session->sent < session->count) {
        if (!send_command(session, &session->commands[session->sent], err)) {
            session->broken = true;
            return false;
        }
        session->sent++;
    }
    return true;
}

static const struct redis_reply *fetch_from_cluster(struct redis_session *session,
                                                    struct redis_talk **ret_talk, struct err *err)
{
    unsigned at = session->count - session->unfetched - 1;
    if (!send_all(session, err))
        return NULL;
    struct command *command = &session->commands[at];
    *ret_talk = command->asked;
    return follow(session, command, redis_talk_fetch(command->asked, err), err);
}

/* ---- The whole ---- */

struct redis_session *redis_session_open(const struct redis_target *target, int timeout_ms,
                                         struct err *err)
{
    struct redis_session *session = check_calloc(1, sizeof *session);
    bool good;
    session->replies = arena_new(REPLIES_MAX);
    if (target->kind == REDIS_CLUSTER)
        good = open_cluster(session, target, timeout_ms, err);
    else if (target->kind == REDIS_SENTINEL)
        good = open_primary(session, target, timeout_ms, err);
    else
        good = (session->one = redis_talk_open(target, timeout_ms, session->replies, err)) != NULL;
    if (good)
        return session;
    redis_session_close(session);
    return NULL;
}

void redis_session_close(struct redis_session *session)
{
    if (!session)
        return;
    redis_talk_close(session->one);
    for (unsigned i = 0; i < session->server_count; i++) {
        redis_talk_close(session->servers[i].talk);
        redis_talk_close(session->servers[i].detour);
    }
    redis_target_release(&session->target);
    strbuf_release(&session->bytes);
    free(session->commands);
    free(session->slots);
    arena_free(session->replies);
    free(session);
}

bool redis_session_is_cluster(const struct redis_session *session)
{
    return session->one == NULL;
}

static void begin_batch(struct redis_session *session)
{
    arena_reset(session->replies);
    session->count = session->sent = 0;
    strbuf_clear(&session->bytes);
}

void redis_session_queue(struct redis_session *session, const struct slice *args, unsigned count)
{
    if (session->unfetched == 0)
        begin_batch(session);
    session->unfetched++;
    if (session->one)
        redis_talk_queue(session->one, args, count);
    else
        note_command(session, args, count);
}

/* Error or not; `*ret_talk` is the server's that said it. */
static const struct redis_reply *fetch(struct redis_session *session, struct redis_talk **ret_talk,
                                       struct err *err)
{
    CHECK(session->unfetched > 0);
    session->unfetched--;
    if (!session->one)
        return fetch_from_cluster(session, ret_talk, err);
    *ret_talk = session->one;
    return redis_talk_fetch(session->one, err);
}

const struct redis_reply *redis_session_fetch_any(struct redis_session *session, struct err *err)
{
    struct redis_talk *talk;
    return fetch(session, &talk, err);
}

const struct redis_reply *redis_session_fetch(struct redis_session *session, struct err *err)
{
    struct redis_talk *talk;
    const struct redis_reply *reply = fetch(session, &talk, err);
    if (!reply || reply->type != REDIS_ERROR_TEXT)
        return reply;
    (void)redis_talk_refused(talk, reply->text, err);
    return NULL;
}

const struct redis_reply *redis_session_call(struct redis_session *session,
                                             const struct slice *args, unsigned count,
                                             struct err *err)
{
    CHECK(session->unfetched == 0);
    redis_session_queue(session, args, count);
    return redis_session_fetch(session, err);
}

unsigned redis_session_servers(const struct redis_session *session)
{
    return session->one ? 1 : session->slots->count;
}

const struct redis_reply *redis_session_call_at(struct redis_session *session, unsigned number,
                                                const struct slice *args, unsigned count,
                                                struct err *err)
{
    CHECK(number < redis_session_servers(session) && session->unfetched == 0);
    begin_batch(session);
    if (session->one)
        return redis_talk_call(session->one, args, count, err);
    struct server *server = server_at(session, &session->slots->primaries[number], err);
    if (!server)
        return NULL;
    if (!server->talk && !(server->talk = talk_at(session, &server->place, err)))
        return NULL;
    return redis_talk_call(server->talk, args, count, err);
}
