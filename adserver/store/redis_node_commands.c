#include "base/check.h"
#include "store/redis_node_state.h"
#include "store/redis_wire.h"

#define SCRIPT_CALL_BYTES \
    256 /* at least what a script call takes beside keys, arguments and text */

/* ---- Commands ---- */

void redis_node_put_waiting(struct redis_node *node, struct redis_call *call)
{
    redis_calls_wait(node->calls, call, redis_link_written(node->link));
    redis_link_flush(node->link);
    redis_node_count(node, COUNTER_REDIS_COMMANDS);
    redis_node_show_state(node);
}

/* Whether a command of that size can be sent now. */
static bool takes(const struct redis_node *node, size_t bytes)
{
    return node->state == UP && !node->channels.fn &&
           redis_calls_count(node->calls) <= REDIS_PENDING_MAX &&
           redis_link_has_room(node->link, bytes);
}

void redis_node_command(struct redis_node *node, const struct slice *args, unsigned arg_count,
                        int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(arg_count >= 1 && arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    if (!takes(node, redis_wire_size(args, arg_count))) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    redis_node_put_waiting(node, call);
    redis_wire_command(redis_link_output(node->link), args, arg_count);
    redis_calls_limit(node->calls, call, timeout_ms);
}

/* ---- Scripts ---- */

unsigned redis_node_write_script(struct strbuf *to, const struct slice *keys, unsigned key_count,
                                 const struct slice *args, unsigned arg_count)
{
    redis_wire_number(to, key_count);
    for (unsigned i = 0; i < key_count; i++)
        redis_wire_arg(to, keys[i]);
    for (unsigned i = 0; i < arg_count; i++)
        redis_wire_arg(to, args[i]);
    return 3 + key_count + arg_count;
}

/* EVALSHA, or EVAL with its text; what stands behind is the same. */
static void write_script_call(struct strbuf *output, struct slice how, struct slice what,
                              const struct redis_call *call)
{
    redis_wire_begin(output, call->wire_count);
    redis_wire_arg(output, how);
    redis_wire_arg(output, what);
    strbuf_add_slice(output, strbuf_slice(&call->wire_rest));
}

static void ignore(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    (void)failure, (void)reply, (void)arg;
}

static void put_asking(struct redis_node *node)
{
    static const struct slice asking[] = {SLICE_INIT("ASKING")};
    redis_node_put_waiting(node, redis_calls_take(node->calls, ignore, NULL));
    redis_wire_command(redis_link_output(node->link), asking, 1);
}

/* Its arguments stand in the call already. */
static void put_script(struct redis_node *node, struct redis_call *call, bool with_text)
{
    const struct redis_script *script = call->script;
    struct strbuf *output = redis_link_output(node->link);
    if (call->asking)
        put_asking(node);
    redis_node_put_waiting(node, call);
    if (with_text)
        write_script_call(output, SLICE("EVAL"), script->text, call);
    else
        write_script_call(output, SLICE("EVALSHA"), slice_of(script->sha1, sizeof script->sha1 - 1),
                          call);
}

void redis_node_run_script(struct redis_node *node, const struct redis_script *script,
                           const struct slice *keys, unsigned key_count, const struct slice *args,
                           unsigned arg_count, int timeout_ms, redis_fn *fn, void *arg)
{
    CHECK(key_count + arg_count <= REDIS_ARGS_MAX);
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    size_t size = redis_wire_size(keys, key_count) + redis_wire_size(args, arg_count);
    if (!takes(node, size + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    call->script = script;
    call->wire_count = redis_node_write_script(&call->wire_rest, keys, key_count, args, arg_count);
    put_script(node, call, false);
    redis_calls_limit(node->calls, call, timeout_ms);
}

void redis_node_send(struct redis_node *node, const struct redis_request *request, bool asking,
                     int timeout_ms, redis_fn *fn, void *arg)
{
    struct redis_call *call = redis_calls_take(node->calls, fn, arg);
    if (!takes(node, request->wire.len + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    call->script = request->script;
    call->asking = asking;
    if (request->script) {
        call->wire_count = request->count;
        strbuf_add_slice(&call->wire_rest, request->wire);
        put_script(node, call, false);
    } else {
        if (asking)
            put_asking(node);
        redis_node_put_waiting(node, call);
        strbuf_add_slice(redis_link_output(node->link), request->wire);
    }
    redis_calls_limit(node->calls, call, timeout_ms);
}

void redis_node_send_script_text(struct redis_node *node, struct redis_call *call)
{
    if (!takes(node, call->wire_rest.len + call->script->text.len + SCRIPT_CALL_BYTES)) {
        redis_calls_refuse(node->calls, call, REDIS_AWAY);
        return;
    }
    put_script(node, call, true);
    call->script = NULL;
}
