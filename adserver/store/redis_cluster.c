#include "store/redis_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include "store/redis_calls.h"
#include "store/redis_link.h"
#include "store/redis_members.h"
#include "store/redis_reply.h"
#include "store/redis_scout.h"
#include "store/redis_wire.h"

/*
 * A command is put into bytes once and kept until it has ended, since it may have to go to another
 * server. It is with a member's connection, or waits here for a little while; its member's
 * connection ends it in time, and one that waits here is sent again before its time is over.
 */
struct command {
    STAILQ_ENTRY(command) link;
    struct redis_cluster *cluster;
    redis_fn *fn;
    void *arg;
    const struct redis_script *script;
    unsigned wire_count; /* a script's, see struct redis_request */
    struct strbuf wire;
    unsigned slot;
    unsigned redirects;
    int64_t due_us;
};

STAILQ_HEAD(command_list, command);

struct redis_cluster {
    struct loop *loop;
    struct redis_config config;
    char scout_name[32];
    struct redis_scout *scout;
    struct redis_members *members;
    struct command_list waiting, spare;
    struct loop_timer *try_again;
    struct loop_timer *look;   /* while a server is away */
    struct loop_timer *gather; /* for the others, at the very beginning */
    bool gathered;
    struct redis_calls *refusals; /* what nobody can be asked: ends at the end of the turn */
    unsigned pending;
    bool freeing;
    struct random random;
    char server_id[REDIS_SERVER_ID_MAX];
    char trouble[192];
};

static int64_t now_us(void)
{
    return clock_mono_us(&clock_system);
}

/* ---- Being up ---- */

static bool has_any(const struct redis_cluster *cluster)
{
    for (unsigned i = 0; i < redis_members_count(cluster->members); i++) {
        if (redis_node_is_up(redis_members_get(cluster->members, i)->node))
            return true;
    }
    return false;
}

bool redis_cluster_is_up(const struct redis_cluster *cluster)
{
    return cluster->gathered && has_any(cluster);
}

static bool is_whole(const struct redis_cluster *cluster)
{
    unsigned count = redis_members_count(cluster->members);
    for (unsigned i = 0; i < count; i++) {
        if (!redis_node_is_up(redis_members_get(cluster->members, i)->node))
            return false;
    }
    return count > 0;
}

static void show_state(const struct redis_cluster *cluster)
{
    if (!cluster->config.metrics)
        return;
    struct metrics_worker *self = metrics_self(cluster->config.metrics);
    self->redis_connected = redis_cluster_is_up(cluster);
    self->redis_pending = cluster->pending;
}

static void look_later(struct redis_cluster *cluster)
{
    uint64_t half_us = REDIS_CLUSTER_LOOK_MS * US_PER_MS / 2;
    loop_timer_set(cluster->look, (int64_t)(half_us + random_below(&cluster->random, half_us + 1)));
}

/* As long as a server is away its slots may be another's by now. */
static void on_look(void *arg)
{
    struct redis_cluster *cluster = arg;
    if (is_whole(cluster))
        return;
    redis_scout_ask(cluster->scout);
    look_later(cluster);
}

static void on_member_up(void *arg)
{
    struct redis_cluster *cluster = arg;
    if (!cluster->gathered && !is_whole(cluster)) {
        loop_timer_set(cluster->gather, REDIS_CLUSTER_GATHER_MS * US_PER_MS);
        return;
    }
    cluster->gathered = true;
    show_state(cluster);
    if (cluster->config.on_up)
        cluster->config.on_up(cluster->config.arg);
}

/* Whoever is not there by now is waited for no longer. */
static void on_gather(void *arg)
{
    struct redis_cluster *cluster = arg;
    if (cluster->gathered || !has_any(cluster))
        return;
    cluster->gathered = true;
    on_member_up(cluster);
}

static void on_member_down(void *arg)
{
    struct redis_cluster *cluster = arg;
    if (cluster->freeing)
        return;
    show_state(cluster);
    redis_scout_ask(cluster->scout);
    look_later(cluster);
    if (cluster->config.on_down && cluster->gathered && !redis_cluster_is_up(cluster))
        cluster->config.on_down(cluster->config.arg);
}

static void on_slots(const struct redis_slots *slots, void *arg)
{
    struct redis_cluster *cluster = arg;
    redis_members_adopt(cluster->members, slots);
    show_state(cluster);
    look_later(cluster);
}

/* ---- Commands ---- */

static struct command *take_command(struct redis_cluster *cluster, int timeout_ms, redis_fn *fn,
                                    void *arg)
{
    struct command *command = STAILQ_FIRST(&cluster->spare);
    if (command) {
        STAILQ_REMOVE_HEAD(&cluster->spare, link);
    } else {
        command = check_calloc(1, sizeof *command);
        command->cluster = cluster;
        strbuf_init(&command->wire, REDIS_OUTPUT_MAX_BYTES);
    }
    command->fn = fn;
    command->arg = arg;
    command->script = NULL;
    command->redirects = 0;
    command->due_us = now_us() + (timeout_ms ? timeout_ms : REDIS_SLOW_MS) * US_PER_MS;
    cluster->pending++;
    show_state(cluster);
    return command;
}

static void finish(struct command *command, enum redis_failure failure,
                   const struct redis_reply *reply)
{
    struct redis_cluster *cluster = command->cluster;
    redis_fn *fn = command->fn;
    strbuf_clear(&command->wire);
    cluster->pending--;
    STAILQ_INSERT_HEAD(&cluster->spare, command, link);
    show_state(cluster);
    fn(failure, reply, command->arg);
}

static redis_fn on_answer;

static int64_t time_left_us(const struct command *command)
{
    return command->due_us - now_us();
}

static void send_to(struct command *command, struct redis_member *member, bool asking)
{
    struct redis_request request = {.script = command->script,
                                    .count = command->wire_count,
                                    .wire = strbuf_slice(&command->wire)};
    int64_t left_ms = time_left_us(command) / US_PER_MS;
    member->used_us = now_us();
    redis_node_send(member->node, &request, asking, left_ms > 0 ? (int)left_ms : 1, on_answer,
                    command);
}

static void wait_a_little(struct command *command)
{
    struct redis_cluster *cluster = command->cluster;
    if (STAILQ_EMPTY(&cluster->waiting))
        loop_timer_set(cluster->try_again, REDIS_TRY_AGAIN_MS * US_PER_MS);
    STAILQ_INSERT_TAIL(&cluster->waiting, command, link);
}

static void try_again(void *arg)
{
    struct redis_cluster *cluster = arg;
    struct command_list list = STAILQ_HEAD_INITIALIZER(list);
    struct command *command;
    STAILQ_CONCAT(&list, &cluster->waiting);
    while ((command = STAILQ_FIRST(&list))) {
        struct redis_member *member = redis_members_holder(cluster->members, command->slot);
        STAILQ_REMOVE_HEAD(&list, link);
        if (!member)
            finish(command, REDIS_AWAY, NULL);
        else if (time_left_us(command) <= 0)
            finish(command, REDIS_TIMEOUT, NULL);
        else if (redis_node_is_new(member->node))
            wait_a_little(command);
        else
            send_to(command, member, false);
    }
}

/* ---- Redirections ---- */

/* Sends it on; false where it can't be. */
static bool follow(struct command *command, const struct redis_reply *reply, bool moved,
                   const char *asked)
{
    struct redis_cluster *cluster = command->cluster;
    struct redis_place place;
    unsigned slot;
    if (!redis_redirect_read(reply->text, asked, &slot, &place) || slot != command->slot)
        return false;
    struct redis_member *member = redis_members_at(cluster->members, &place);
    if (!member)
        return false;
    if (moved) {
        redis_members_move(cluster->members, slot, member);
        redis_scout_ask(cluster->scout);
    }
    if (redis_node_is_up(member->node)) {
        send_to(command, member, !moved);
        return true;
    }
    if (!moved && redis_node_is_new(member->node))
        command->redirects--; /* while it is being connected the holder says the same again */
    wait_a_little(command);
    return true;
}

/* The holder, as it was when the answer came: a host that a server does not tell is its own. */
static const char *host_of(const struct command *command)
{
    const struct redis_member *member =
        redis_members_holder(command->cluster->members, command->slot);
    return member ? member->target.host : "";
}

static bool is_redirected(struct command *command, const struct redis_reply *reply)
{
    if (command->cluster->freeing)
        return false;
    if (redis_reply_says(reply, SLICE("TRYAGAIN"))) {
        command->redirects = 0; /* as often as there is time for */
        wait_a_little(command);
        return true;
    }
    bool moved = redis_reply_says(reply, SLICE("MOVED"));
    if ((!moved && !redis_reply_says(reply, SLICE("ASK"))) ||
        command->redirects++ >= REDIS_REDIRECTS_MAX)
        return false;
    return follow(command, reply, moved, host_of(command));
}

static void on_answer(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct command *command = arg;
    struct redis_cluster *cluster = command->cluster;
    if (failure == REDIS_REFUSED && is_redirected(command, reply))
        return;
    if (failure != REDIS_OK && failure != REDIS_ERROR && !cluster->freeing)
        redis_scout_ask(cluster->scout);
    finish(command, failure, reply);
}

/* ---- What is asked of us ---- */

/* Nobody can be asked: it ends at the end of the turn. */
static void refuse(struct redis_cluster *cluster, redis_fn *fn, void *arg)
{
    redis_calls_refuse(cluster->refusals, redis_calls_take(cluster->refusals, fn, arg), REDIS_AWAY);
}

/* Who is to be asked about that slot; NULL: nobody can be. */
static struct redis_member *whom_to_ask(const struct redis_cluster *cluster, unsigned slot)
{
    if (cluster->freeing || cluster->pending >= REDIS_PENDING_MAX)
        return NULL;
    return redis_members_holder(cluster->members, slot);
}

void redis_cluster_command(struct redis_cluster *cluster, const struct slice *args, unsigned count,
                           int timeout_ms, redis_fn *fn, void *arg)
{
    struct slice key = SLICE("");
    CHECK(count >= 1 && count <= REDIS_ARGS_MAX);
    (void)redis_key_of(args, count, &key); /* without one: as if it were empty */
    unsigned slot = redis_slot_of(key);
    struct redis_member *member = whom_to_ask(cluster, slot);
    if (!member) {
        refuse(cluster, fn, arg);
        return;
    }
    struct command *command = take_command(cluster, timeout_ms, fn, arg);
    command->slot = slot;
    redis_wire_command(&command->wire, args, count);
    send_to(command, member, false);
}

/* A script's keys stand together by their tags: that is how they are named. */
static unsigned slot_of_all(const struct slice *keys, unsigned count)
{
    unsigned slot = redis_slot_of(count > 0 ? keys[0] : SLICE(""));
    for (unsigned i = 1; i < count; i++)
        CHECK(redis_slot_of(keys[i]) == slot);
    return slot;
}

void redis_cluster_run_script(struct redis_cluster *cluster, const struct redis_script *script,
                              const struct slice *keys, unsigned key_count,
                              const struct slice *args, unsigned arg_count, int timeout_ms,
                              redis_fn *fn, void *arg)
{
    CHECK(key_count + arg_count <= REDIS_ARGS_MAX);
    unsigned slot = slot_of_all(keys, key_count);
    struct redis_member *member = whom_to_ask(cluster, slot);
    if (!member) {
        refuse(cluster, fn, arg);
        return;
    }
    struct command *command = take_command(cluster, timeout_ms, fn, arg);
    command->slot = slot;
    command->script = script;
    command->wire_count = redis_node_write_script(&command->wire, keys, key_count, args, arg_count);
    send_to(command, member, false);
}

void redis_cluster_command_to(struct redis_cluster *cluster, unsigned server,
                              const struct slice *args, unsigned count, int timeout_ms,
                              redis_fn *fn, void *arg)
{
    if (cluster->freeing || server >= redis_members_count(cluster->members)) {
        refuse(cluster, fn, arg);
        return;
    }
    struct redis_member *member = redis_members_get(cluster->members, server);
    redis_node_command(member->node, args, count, timeout_ms, fn, arg);
}

void redis_cluster_subscribe(struct redis_cluster *cluster, const struct slice *channels,
                             unsigned count, redis_message_fn *fn, void *arg)
{
    redis_members_subscribe(cluster->members, channels, count, fn, arg);
}

/* ---- Questions ---- */

unsigned redis_cluster_pending(const struct redis_cluster *cluster)
{
    return cluster->pending;
}

const char *redis_cluster_trouble(const struct redis_cluster *cluster)
{
    if (redis_cluster_is_up(cluster))
        return "";
    if (redis_members_count(cluster->members) == 0)
        return redis_scout_trouble(cluster->scout);
    return redis_node_trouble(redis_members_get(cluster->members, 0)->node);
}

bool redis_cluster_policy_evicts(const struct redis_cluster *cluster)
{
    for (unsigned i = 0; i < redis_members_count(cluster->members); i++) {
        if (redis_node_policy_evicts(redis_members_get(cluster->members, i)->node))
            return true;
    }
    return false;
}

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* The sum over all, in whatever order they come, of which each must be known. */
const char *redis_cluster_server_id(struct redis_cluster *cluster)
{
    uint64_t sum = 0;
    unsigned count = redis_members_count(cluster->members);
    for (unsigned i = 0; i < count; i++) {
        const char *id = redis_node_server_id(redis_members_get(cluster->members, i)->node);
        sum += id[0] ? hash_of(id) : 0;
    }
    if (sum != 0)
        (void)snprintf(cluster->server_id, sizeof cluster->server_id, "%016llx",
                       (unsigned long long)sum);
    return cluster->server_id;
}

unsigned redis_cluster_servers(const struct redis_cluster *cluster)
{
    return redis_members_count(cluster->members);
}

struct redis_server redis_cluster_server(const struct redis_cluster *cluster, unsigned server)
{
    const struct redis_member *member = redis_members_get(cluster->members, server);
    return (struct redis_server){.address = member->address,
                                 .id = redis_node_server_id(member->node),
                                 .up = redis_node_is_up(member->node),
                                 .pending = redis_node_pending(member->node),
                                 .client_id = redis_node_client_id(member->node),
                                 .trouble = redis_node_trouble(member->node)};
}

/* ---- Life ---- */

static void ignore_timeout(void *arg)
{
    (void)arg;
}

struct redis_cluster *redis_cluster_new(struct loop *loop, const struct redis_config *config)
{
    struct redis_cluster *cluster = check_calloc(1, sizeof *cluster);
    cluster->loop = loop;
    cluster->config = *config;
    STAILQ_INIT(&cluster->waiting);
    STAILQ_INIT(&cluster->spare);
    random_seed_from_system(&cluster->random);
    cluster->try_again = loop_timer_new(loop, try_again, cluster);
    cluster->look = loop_timer_new(loop, on_look, cluster);
    cluster->gather = loop_timer_new(loop, on_gather, cluster);
    cluster->refusals = redis_calls_new(loop, ignore_timeout, cluster);
    struct redis_members_config members = {.target = config->target,
                                           .name = config->name,
                                           .metrics = config->metrics,
                                           .on_up = on_member_up,
                                           .on_down = on_member_down,
                                           .arg = cluster};
    cluster->members = redis_members_new(loop, &members);
    (void)snprintf(cluster->scout_name, sizeof cluster->scout_name, "%s slots", config->name);
    struct redis_scout_config scout = {.target = config->target,
                                       .name = cluster->scout_name,
                                       .on_slots = on_slots,
                                       .arg = cluster};
    cluster->scout = redis_scout_new(loop, &scout);
    show_state(cluster);
    return cluster;
}

static void end_waiting(struct redis_cluster *cluster)
{
    struct command *command;
    while ((command = STAILQ_FIRST(&cluster->waiting))) {
        STAILQ_REMOVE_HEAD(&cluster->waiting, link);
        finish(command, REDIS_AWAY, NULL);
    }
}

void redis_cluster_free(struct redis_cluster *cluster)
{
    struct command *command;
    if (!cluster)
        return;
    cluster->freeing = true;
    redis_members_close(cluster->members);
    end_waiting(cluster);
    redis_calls_free(cluster->refusals);
    redis_scout_free(cluster->scout);
    redis_members_free(cluster->members);
    while ((command = STAILQ_FIRST(&cluster->spare))) {
        STAILQ_REMOVE_HEAD(&cluster->spare, link);
        strbuf_release(&command->wire);
        free(command);
    }
    loop_timer_free(cluster->try_again);
    loop_timer_free(cluster->look);
    loop_timer_free(cluster->gather);
    free(cluster);
}
