#include "unit/http/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#define TOLD_MAX   ((size_t)1024 * 1024)
#define SPLITS_MAX 3000 /* longer inputs are not split everywhere */

/* A copy of a piece that ends at a page nobody may touch. */
struct fence {
    char *pages;
    size_t size; /* of the pages that may be touched */
};

static struct fence fence_new(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct fence fence = {.size = (len + page) / page * page};
    fence.pages =
        mmap(NULL, fence.size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(fence.pages != MAP_FAILED);
    assert_int_equal(mprotect(fence.pages + fence.size, page, PROT_NONE), 0);
    return fence;
}

static struct slice fence_put(const struct fence *fence, struct slice piece)
{
    char *at = fence->pages + fence->size - piece.len;
    memcpy(at, piece.ptr, piece.len);
    return slice_of(at, piece.len);
}

static void fence_free(struct fence *fence)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(munmap(fence->pages, fence->size + page), 0);
}

static const char *method_name(enum http_method method)
{
    static const char *const names[] = {"GET",    "HEAD",  "POST",    "PUT",
                                        "DELETE", "PATCH", "OPTIONS", "OTHER"};
    return names[method];
}

static void tell_request(const struct h1_reader *reader, struct strbuf *told)
{
    const struct http_request *request = reader->request;
    strbuf_addf(told, "%s %.*s", method_name(request->method), SLICE_ARGS(request->path));
    if (request->query.len > 0)
        strbuf_addf(told, "?%.*s", SLICE_ARGS(request->query));
    if (request->host.len > 0)
        strbuf_addf(told, " host=%.*s", SLICE_ARGS(request->host));
    if (request->body.len > 0)
        strbuf_addf(told, " body=%.*s", SLICE_ARGS(request->body));
    if (!reader->framing.keep_alive)
        strbuf_add_cstr(told, ";close");
    strbuf_add_char(told, '\n');
}

static void tell_refusal(enum h1_refusal refusal, struct strbuf *told)
{
    const struct h1_refusal_row *row = &h1_refusal_rows[refusal];
    strbuf_addf(told, "refused %d %s\n", row->status, row->code);
}

/* False once a request is refused. */
static bool feed(struct h1_reader *reader, struct slice piece, bool *under_way, struct strbuf *told)
{
    while (piece.len > 0) {
        enum h1_reading reading = h1_reader_feed(reader, &piece);
        *under_way = reading == H1_READING_MORE || reading == H1_READING_CONTINUE;
        if (reading == H1_READING_REFUSED) {
            tell_refusal(reader->refusal, told);
            return false;
        }
        if (reading == H1_READING_DONE) {
            tell_request(reader, told);
            h1_reader_begin(reader);
        }
    }
    return true;
}

static void tell(struct slice bytes, size_t first, size_t piece, struct strbuf *told)
{
    static struct h1_reader reader;
    struct http_request request = {.method = HTTP_METHOD_OTHER};
    struct fence fence = fence_new(bytes.len);
    bool goes_on = true, under_way = false;
    h1_reader_init(&reader, &request);
    h1_reader_begin(&reader);
    for (size_t len = first; bytes.len > 0 && goes_on; len = piece) {
        struct slice part = slice_of(bytes.ptr, len < bytes.len ? len : bytes.len);
        goes_on = feed(&reader, fence_put(&fence, part), &under_way, told);
        bytes = slice_from(bytes, part.len);
    }
    if (goes_on && under_way)
        strbuf_add_cstr(told, "more\n");
    h1_reader_release(&reader);
    fence_free(&fence);
}

void reading_tell(struct slice bytes, size_t piece, struct strbuf *told)
{
    tell(bytes, piece, piece, told);
}

void reading_tell_split(struct slice bytes, size_t at, struct strbuf *told)
{
    tell(bytes, at, bytes.len, told);
}

void reading_assert(struct slice bytes, const char *expected)
{
    struct strbuf told;
    strbuf_init(&told, TOLD_MAX);
    reading_tell(bytes, bytes.len, &told);
    assert_string_equal(strbuf_cstr(&told), expected);
    strbuf_clear(&told);
    reading_tell(bytes, 1, &told);
    assert_string_equal(strbuf_cstr(&told), expected);
    for (size_t at = 1; at < bytes.len && bytes.len <= SPLITS_MAX; at++) {
        strbuf_clear(&told);
        reading_tell_split(bytes, at, &told);
        assert_string_equal(strbuf_cstr(&told), expected);
    }
    strbuf_release(&told);
}
