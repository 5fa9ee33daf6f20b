/*
 * Any bytes as a connection's requests: whole, byte by byte and in odd pieces they give the same
 * requests and the same refusal, and a request that gets through is what handlers may rely on.
 */
#include <stdlib.h>

#include "base/check.h"
#include "http/h1_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TOLD_MAX ((size_t)16 * 1024 * 1024)

static void check_request(const struct http_request *request)
{
    CHECK(request->path.len > 0);
    CHECK(request->path.ptr[0] == '/' ||
          (request->method == HTTP_METHOD_OPTIONS && slice_eq(request->path, SLICE("*"))));
    CHECK(slice_find(request->path, '?') == request->path.len);
    CHECK(request->header_count <= HTTP_HEADERS_MAX);
    CHECK(request->body.len <= HTTP_BODY_MAX);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct http_header *header = &request->headers[i];
        CHECK(header->name.len > 0);
        for (size_t k = 0; k < header->name.len; k++)
            CHECK(header->name.ptr[k] > ' ' && header->name.ptr[k] < 0x7f &&
                  header->name.ptr[k] != ':' &&
                  !(header->name.ptr[k] >= 'A' && header->name.ptr[k] <= 'Z'));
        for (size_t k = 0; k < header->value.len; k++)
            CHECK((uint8_t)header->value.ptr[k] >= ' ' || header->value.ptr[k] == '\t');
        CHECK(slice_eq(slice_trim(header->value), header->value));
    }
}

static void tell_slice(struct strbuf *told, struct slice s)
{
    strbuf_add_u64(told, s.len);
    strbuf_add_char(told, ':');
    strbuf_add_slice(told, s);
    strbuf_add_char(told, '\n');
}

static void tell_request(struct strbuf *told, const struct h1_reader *reader)
{
    const struct http_request *request = reader->request;
    strbuf_addf(told, "method %d keep %d 1.0 %d\n", (int)request->method,
                reader->framing.keep_alive, reader->framing.http_1_0);
    tell_slice(told, request->path);
    tell_slice(told, request->query);
    tell_slice(told, request->host);
    for (size_t i = 0; i < request->header_count; i++) {
        tell_slice(told, request->headers[i].name);
        tell_slice(told, request->headers[i].value);
    }
    tell_slice(told, request->body);
}

/* Feeds one piece, which may end one request and begin others. False: refused. */
static bool feed(struct h1_reader *reader, struct slice piece, struct strbuf *told)
{
    while (piece.len > 0) {
        switch (h1_reader_feed(reader, &piece)) {
        case H1_READING_REFUSED:
            CHECK(reader->refusal != H1_REFUSAL_NONE);
            strbuf_addf(told, "refused %d\n", (int)reader->refusal);
            return false;
        case H1_READING_DONE:
            check_request(reader->request);
            tell_request(told, reader);
            h1_reader_begin(reader);
            break;
        default:
            CHECK(piece.len == 0);
        }
    }
    return true;
}

/* Pieces of 1 to `most` bytes, each at the end of its memory so that reading past one is seen. */
static void read_in_pieces(struct slice bytes, size_t most, struct strbuf *told)
{
    static struct h1_reader reader;
    struct http_request request = {.method = HTTP_METHOD_OTHER};
    size_t room = most < bytes.len ? most : bytes.len;
    char *memory = malloc(room + 1);
    uint32_t dice = 1;
    bool goes_on = true;
    CHECK(memory != NULL);
    h1_reader_init(&reader, &request);
    h1_reader_begin(&reader);
    for (size_t at = 0, len; at < bytes.len && goes_on; at += len) {
        dice = dice * 1103515245 + 12345;
        len = most == SIZE_MAX ? bytes.len : 1 + (dice >> 16) % most;
        if (len > bytes.len - at)
            len = bytes.len - at;
        char *piece = memory + room + 1 - len;
        memcpy(piece, bytes.ptr + at, len);
        goes_on = feed(&reader, slice_of(piece, len), told);
    }
    h1_reader_release(&reader);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t most[] = {1, 20};
    struct slice bytes = slice_of((const char *)data, size);
    struct strbuf whole, cut;
    strbuf_init(&whole, TOLD_MAX);
    strbuf_init(&cut, TOLD_MAX);
    read_in_pieces(bytes, SIZE_MAX, &whole);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        strbuf_clear(&cut);
        read_in_pieces(bytes, most[i], &cut);
        CHECK(slice_eq(strbuf_slice(&whole), strbuf_slice(&cut)));
    }
    strbuf_release(&whole);
    strbuf_release(&cut);
    return 0;
}
