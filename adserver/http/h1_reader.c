#include "http/h1_reader.h"

/* A body that took more than this gives its memory back once its request is over. */
#define BODY_KEPT ((size_t)8 * 1024)

void h1_reader_init(struct h1_reader *reader, struct http_request *request)
{
    reader->request = request;
    strbuf_init(&reader->body, HTTP_BODY_MAX);
}

void h1_reader_release(struct h1_reader *reader)
{
    strbuf_release(&reader->body);
}

void h1_reader_begin(struct h1_reader *reader)
{
    h1_head_init(&reader->head);
    if (reader->body.capacity > BODY_KEPT)
        strbuf_release(&reader->body);
    strbuf_clear(&reader->body);
    reader->framing = (struct h1_framing){.length = 0};
    reader->refusal = H1_REFUSAL_NONE;
    reader->in_body = false;
}

static enum h1_reading refuse(struct h1_reader *reader, enum h1_refusal refusal)
{
    reader->refusal = refusal;
    return H1_READING_REFUSED;
}

static enum h1_reading done(struct h1_reader *reader)
{
    reader->request->body = strbuf_slice(&reader->body);
    return H1_READING_DONE;
}

static enum h1_reading read_body(struct h1_reader *reader, struct slice *bytes)
{
    if (reader->framing.chunked) {
        enum h1_refusal refusal = h1_chunked_feed(&reader->chunked, bytes, &reader->body);
        if (refusal != H1_REFUSAL_NONE)
            return refuse(reader, refusal);
        return reader->chunked.state == H1_CHUNKED_DONE ? done(reader) : H1_READING_MORE;
    }
    size_t left = reader->framing.length - reader->body.len;
    struct slice part = slice_of(bytes->ptr, left < bytes->len ? left : bytes->len);
    strbuf_add_slice(&reader->body, part);
    *bytes = slice_from(*bytes, part.len);
    return part.len == left ? done(reader) : H1_READING_MORE;
}

/* The head is complete. */
static enum h1_reading begin_body(struct h1_reader *reader, struct slice *bytes)
{
    enum h1_refusal refusal = h1_rules_apply(&reader->head, reader->request, &reader->framing);
    if (refusal != H1_REFUSAL_NONE)
        return refuse(reader, refusal);
    reader->in_body = true;
    h1_chunked_init(&reader->chunked);
    if (reader->framing.wants_continue && bytes->len == 0)
        return H1_READING_CONTINUE;
    return read_body(reader, bytes);
}

enum h1_reading h1_reader_feed(struct h1_reader *reader, struct slice *bytes)
{
    if (reader->in_body)
        return read_body(reader, bytes);
    enum h1_refusal refusal = h1_head_feed(&reader->head, bytes);
    if (refusal != H1_REFUSAL_NONE) {
        reader->request->method = h1_method(reader->head.method);
        return refuse(reader, refusal);
    }
    return reader->head.complete ? begin_body(reader, bytes) : H1_READING_MORE;
}
