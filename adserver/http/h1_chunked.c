#include "http/h1_chunked.h"

void h1_chunked_init(struct h1_chunked *chunked)
{
    *chunked = (struct h1_chunked){.state = H1_CHUNKED_SIZE};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum h1_refusal move(struct h1_chunked *chunked, enum h1_chunked_state state)
{
    chunked->state = state;
    return H1_REFUSAL_NONE;
}

static enum h1_refusal read_size(struct h1_chunked *chunked, char c)
{
    int digit = hex_value(c);
    if (digit >= 0 && chunked->digits < H1_CHUNK_DIGITS_MAX) {
        chunked->size = chunked->size * 16 + (uint64_t)digit;
        chunked->digits++;
        return H1_REFUSAL_NONE;
    }
    if (c == '\r' && chunked->digits > 0)
        return move(chunked, H1_CHUNKED_SIZE_LF);
    if (c == ';' && chunked->digits > 0)
        return move(chunked, H1_CHUNKED_EXTENSION);
    return H1_REFUSAL_CHUNK;
}

static enum h1_refusal skip_extension(struct h1_chunked *chunked, char c)
{
    if (c == '\r')
        return move(chunked, H1_CHUNKED_SIZE_LF);
    return c == '\t' || (c >= ' ' && c <= '~') ? H1_REFUSAL_NONE : H1_REFUSAL_CHUNK;
}

/* The size is known: data, or trailers behind the last chunk. */
static enum h1_refusal begin_chunk(struct h1_chunked *chunked, char c, const struct strbuf *body)
{
    if (c != '\n')
        return H1_REFUSAL_CHUNK;
    if (chunked->size > body->max - body->len)
        return H1_REFUSAL_BODY_SIZE;
    chunked->digits = 0;
    if (chunked->size > 0)
        return move(chunked, H1_CHUNKED_DATA);
    h1_guard_init_lines(&chunked->trailers);
    return move(chunked, H1_CHUNKED_TRAILERS);
}

static enum h1_refusal expect(struct h1_chunked *chunked, char c, char wanted,
                              enum h1_chunked_state next)
{
    return c == wanted ? move(chunked, next) : H1_REFUSAL_CHUNK;
}

/* One byte of what stands around the data. */
static enum h1_refusal read_framing(struct h1_chunked *chunked, char c, const struct strbuf *body)
{
    if (++chunked->framing > H1_CHUNK_FRAMING_MAX)
        return H1_REFUSAL_CHUNK;
    switch (chunked->state) {
    case H1_CHUNKED_SIZE:
        return read_size(chunked, c);
    case H1_CHUNKED_EXTENSION:
        return skip_extension(chunked, c);
    case H1_CHUNKED_SIZE_LF:
        return begin_chunk(chunked, c, body);
    case H1_CHUNKED_DATA_CR:
        return expect(chunked, c, '\r', H1_CHUNKED_DATA_LF);
    default:
        return expect(chunked, c, '\n', H1_CHUNKED_SIZE);
    }
}

static struct slice cut(struct slice *bytes, size_t len)
{
    struct slice part = slice_of(bytes->ptr, len < bytes->len ? len : bytes->len);
    *bytes = slice_from(*bytes, part.len);
    return part;
}

static void take_data(struct h1_chunked *chunked, struct slice *bytes, struct strbuf *body)
{
    struct slice data = cut(bytes, chunked->size);
    strbuf_add_slice(body, data);
    chunked->size -= data.len;
    if (chunked->size == 0)
        chunked->state = H1_CHUNKED_DATA_CR;
}

static enum h1_refusal skip_trailers(struct h1_chunked *chunked, struct slice *bytes)
{
    enum h1_refusal refusal;
    (void)cut(bytes, h1_guard_pass(&chunked->trailers, *bytes, &refusal));
    if (chunked->trailers.state == H1_GUARD_DONE)
        chunked->state = H1_CHUNKED_DONE;
    return refusal;
}

enum h1_refusal h1_chunked_feed(struct h1_chunked *chunked, struct slice *bytes,
                                struct strbuf *body)
{
    enum h1_refusal refusal = H1_REFUSAL_NONE;
    while (bytes->len > 0 && refusal == H1_REFUSAL_NONE && chunked->state != H1_CHUNKED_DONE) {
        if (chunked->state == H1_CHUNKED_DATA)
            take_data(chunked, bytes, body);
        else if (chunked->state == H1_CHUNKED_TRAILERS)
            refusal = skip_trailers(chunked, bytes);
        else
            refusal = read_framing(chunked, cut(bytes, 1).ptr[0], body);
    }
    return refusal;
}
