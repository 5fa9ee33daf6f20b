#include "http/h1_output.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/check.h"

void h1_output_init(struct h1_output *output, struct bufferevent *bev, struct deadlines *queue)
{
    *output = (struct h1_output){.bev = bev, .fd = bufferevent_getfd(bev), .queue = queue};
    CHECK(bufferevent_disable(bev, EV_WRITE) == 0);
}

void h1_output_release(struct h1_output *output)
{
    deadline_clear(&output->deadline);
}

static void on_change(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
    (void)buffer;
    struct h1_output *output = arg;
    if (info->n_deleted > 0)
        deadline_set(output->queue, &output->deadline);
}

static void block(struct h1_output *output)
{
    output->blocked = true;
    output->progress = evbuffer_add_cb(bufferevent_get_output(output->bev), on_change, output);
    CHECK(output->progress != NULL);
    CHECK(bufferevent_enable(output->bev, EV_WRITE) == 0);
    deadline_set(output->queue, &output->deadline);
}

void h1_output_unblock(struct h1_output *output)
{
    CHECK(output->blocked);
    output->blocked = false;
    (void)evbuffer_remove_cb_entry(bufferevent_get_output(output->bev), output->progress);
    (void)bufferevent_disable(output->bev, EV_WRITE);
    deadline_clear(&output->deadline);
}

/* Whether an error only says "not now". */
static bool is_passing(int error)
{
    return error == EAGAIN || error == EINTR;
}

static int write_now(const struct h1_output *output, struct slice head, struct slice body,
                     size_t *ret_written)
{
    struct iovec parts[2] = {{(void *)(uintptr_t)head.ptr, head.len},
                             {(void *)(uintptr_t)body.ptr, body.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = body.len > 0 ? 2 : 1};
    ssize_t written = sendmsg(output->fd, &message, MSG_NOSIGNAL);
    *ret_written = written > 0 ? (size_t)written : 0;
    return written < 0 && !is_passing(errno) ? errno : 0;
}

static void keep(struct evbuffer *buffer, struct slice bytes, bool is_static)
{
    if (bytes.len == 0)
        return;
    if (is_static)
        CHECK(evbuffer_add_reference(buffer, bytes.ptr, bytes.len, NULL, NULL) == 0);
    else
        CHECK(evbuffer_add(buffer, bytes.ptr, bytes.len) == 0);
}

int h1_output_send(struct h1_output *output, struct slice head, struct slice body, bool body_static,
                   bool hold)
{
    struct evbuffer *buffer = bufferevent_get_output(output->bev);
    bool in_order = !hold && evbuffer_get_length(buffer) == 0;
    size_t written = 0;
    int error = in_order ? write_now(output, head, body, &written) : 0;
    if (error || written == head.len + body.len)
        return error;
    keep(buffer, slice_from(head, written), false);
    keep(buffer, slice_from(body, written > head.len ? written - head.len : 0), body_static);
    if (in_order)
        block(output);
    return evbuffer_get_length(buffer) > H1_OUTPUT_HIGH ? h1_output_flush(output) : 0;
}

int h1_output_flush(struct h1_output *output)
{
    struct evbuffer *buffer = bufferevent_get_output(output->bev);
    if (output->blocked || evbuffer_get_length(buffer) == 0)
        return 0;
    /* The front of the buffer is frozen for everybody but bufferevent itself. */
    (void)evbuffer_unfreeze(buffer, 1);
    int written = evbuffer_write(buffer, output->fd);
    int error = errno;
    (void)evbuffer_freeze(buffer, 1);
    if (written < 0 && !is_passing(error))
        return error;
    if (evbuffer_get_length(buffer) > 0)
        block(output);
    return 0;
}
