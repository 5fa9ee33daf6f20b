#include "store/redis_greeting.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "store/redis_reply.h"
#include "store/redis_wire.h"

struct redis_greeting_step {
    /* Appends the command; false where this target needs none. */
    bool (*write)(const struct redis_target *target, struct strbuf *output);
    bool must;
    /* Notes what a reply that is no error says; may be NULL. It may set `why`: it forbids use. */
    void (*note)(struct redis_greeting *greeting, const struct redis_reply *reply);
};

static bool write_auth(const struct redis_target *target, struct strbuf *output)
{
    struct slice args[3] = {SLICE("AUTH")};
    unsigned count = 1;
    if (!target->password)
        return false;
    if (target->user)
        args[count++] = slice_cstr(target->user);
    args[count++] = slice_cstr(target->password);
    redis_wire_command(output, args, count);
    return true;
}

static bool write_select(const struct redis_target *target, struct strbuf *output)
{
    if (target->db == 0)
        return false;
    redis_wire_begin(output, 2);
    redis_wire_arg(output, SLICE("SELECT"));
    redis_wire_number(output, (uint64_t)target->db);
    return true;
}

static bool write_role(const struct redis_target *target, struct strbuf *output)
{
    if (target->kind != REDIS_SENTINEL)
        return false;
    redis_wire_command(output, &SLICE("ROLE"), 1);
    return true;
}

static void note_role(struct redis_greeting *greeting, const struct redis_reply *reply)
{
    bool told = reply->type == REDIS_ARRAY && reply->count > 0;
    if (!told || !slice_eq(reply->items[0].text, SLICE("master")))
        greeting->why = "it is no primary";
}

static bool write_name(const struct redis_target *target, struct strbuf *output)
{
    char name[32];
    (void)target;
    (void)snprintf(name, sizeof name, "masthead-%d", (int)getpid());
    struct slice args[] = {SLICE("CLIENT"), SLICE("SETNAME"), slice_cstr(name)};
    redis_wire_command(output, args, 3);
    return true;
}

static bool write_id(const struct redis_target *target, struct strbuf *output)
{
    (void)target;
    redis_wire_command(output, (struct slice[]){SLICE("CLIENT"), SLICE("ID")}, 2);
    return true;
}

static void note_id(struct redis_greeting *greeting, const struct redis_reply *reply)
{
    if (reply->type == REDIS_INTEGER)
        greeting->client_id = reply->integer;
}

static bool write_memory(const struct redis_target *target, struct strbuf *output)
{
    struct slice args[] = {SLICE("CONFIG"), SLICE("GET"), SLICE("maxmemory*")};
    (void)target;
    redis_wire_command(output, args, 3);
    return true;
}

/* CONFIG GET answers names and values in turn. */
static struct slice config_value(const struct redis_reply *reply, struct slice name)
{
    if (reply->type != REDIS_ARRAY)
        return SLICE("");
    for (size_t i = 0; i + 1 < reply->count; i += 2) {
        if (slice_eq(reply->items[i].text, name))
            return reply->items[i + 1].text;
    }
    return SLICE("");
}

static void note_memory(struct redis_greeting *greeting, const struct redis_reply *reply)
{
    struct slice limit = config_value(reply, SLICE("maxmemory"));
    struct slice policy = config_value(reply, SLICE("maxmemory-policy"));
    greeting->evicts = limit.len > 0 && !slice_eq(limit, SLICE("0")) && policy.len > 0 &&
                       !slice_eq(policy, SLICE("noeviction"));
    if (greeting->evicts)
        log_event(LOG_ERROR,
                  "redis: evicts keys when its memory is full, so caps and counts can't be relied "
                  "on; set maxmemory-policy to noeviction",
                  LOG_SLICE("maxmemory", limit), LOG_SLICE("policy", policy));
}

static bool write_info(const struct redis_target *target, struct strbuf *output)
{
    (void)target;
    redis_wire_command(output, (struct slice[]){SLICE("INFO"), SLICE("server")}, 2);
    return true;
}

/* Of lines "name:value"; empty where there is none. `name` has its colon. */
static struct slice info_value(const struct redis_reply *reply, struct slice name)
{
    struct slice rest = reply->type == REDIS_STRING ? reply->text : SLICE(""), line;
    while (slice_next(&rest, '\n', &line)) {
        struct slice value = slice_from(line, name.len);
        value.len = slice_find(value, '\r');
        if (slice_starts(line, name))
            return value;
    }
    return SLICE("");
}

static void note_version(struct slice version)
{
    unsigned major = 0;
    struct slice first = version;
    first.len = slice_find(version, '.');
    for (size_t i = 0; i < first.len && first.ptr[i] >= '0' && first.ptr[i] <= '9'; i++)
        major = major < REDIS_MAJOR_MIN ? 10 * major + (unsigned)(first.ptr[i] - '0') : major;
    if (version.len > 0 && major < REDIS_MAJOR_MIN)
        log_event(LOG_ERROR, "redis: is older than what counting has been proven with",
                  LOG_SLICE("version", version), LOG_INT("needed", REDIS_MAJOR_MIN));
}

static void note_info(struct redis_greeting *greeting, const struct redis_reply *reply)
{
    struct slice id = info_value(reply, SLICE("run_id:"));
    if (id.len < sizeof greeting->server_id)
        (void)snprintf(greeting->server_id, sizeof greeting->server_id, "%.*s", SLICE_ARGS(id));
    note_version(info_value(reply, SLICE("redis_version:")));
}

static bool write_ping(const struct redis_target *target, struct strbuf *output)
{
    (void)target;
    redis_wire_command(output, (struct slice[]){SLICE("PING")}, 1);
    return true;
}

static const struct redis_greeting_step steps[REDIS_GREETING_STEPS] = {
    {write_auth, true, NULL},       {write_select, true, NULL}, {write_role, true, note_role},
    {write_name, false, NULL},      {write_id, false, note_id}, {write_memory, false, note_memory},
    {write_info, false, note_info}, {write_ping, true, NULL},
};

void redis_greeting_begin(struct redis_greeting *greeting, const struct redis_target *target,
                          struct strbuf *output)
{
    *greeting = (struct redis_greeting){0};
    for (unsigned i = 0; i < REDIS_GREETING_STEPS; i++) {
        if (steps[i].write(target, output))
            greeting->steps[greeting->count++] = &steps[i];
    }
}

enum redis_greeting_result redis_greeting_take(struct redis_greeting *greeting,
                                               const struct redis_reply *reply)
{
    const struct redis_greeting_step *step = greeting->steps[greeting->next++];
    bool failed = redis_reply_failure(reply) != REDIS_OK;
    if (failed && step->must)
        greeting->why = reply->text.ptr;
    if (!failed && step->note)
        step->note(greeting, reply);
    if (greeting->why)
        return GREETING_FAILED;
    return greeting->next == greeting->count ? GREETING_DONE : GREETING_GOES_ON;
}
