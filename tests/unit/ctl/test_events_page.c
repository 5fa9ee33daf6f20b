#include "ctl/events_page.h"
#include "store/redis_reply.h"
#include "unit/ctl/unit.h"

#define MAX_BYTES ((size_t)65536)

/* A stream of which `length` of `added` entries are left, and ids from `first` to `last` that
 * XRANGE gave, a millisecond each. */
struct stream {
    unsigned added, length;
    uint64_t first, last_generated;
    uint64_t from, to; /* of the range; to < from: none */
};

static void add_entry(struct strbuf *to, uint64_t ms)
{
    char id[EVENT_ID_TEXT_MAX];
    (void)event_id_write((struct event_id){ms, 0}, id);
    strbuf_addf(to, "*2\r\n$%zu\r\n%s\r\n*0\r\n", strlen(id), id);
}

static void add_info(struct strbuf *to, const struct stream *stream)
{
    char id[EVENT_ID_TEXT_MAX];
    (void)event_id_write((struct event_id){stream->last_generated, 0}, id);
    strbuf_addf(to, "*8\r\n$6\r\nlength\r\n:%u\r\n$17\r\nlast-generated-id\r\n$%zu\r\n%s\r\n",
                stream->length, strlen(id), id);
    strbuf_addf(to, "$13\r\nentries-added\r\n:%u\r\n$11\r\nfirst-entry\r\n", stream->added);
    if (stream->length > 0)
        add_entry(to, stream->first);
    else
        strbuf_add_cstr(to, "$-1\r\n");
}

static enum events_page_result read_bytes(const struct strbuf *bytes,
                                          struct events_position *position, struct events_page *ret)
{
    struct redis_reader *reader = redis_reader_new(MAX_BYTES);
    const struct redis_reply *reply;
    const char *why;
    redis_reader_feed(reader, bytes->ptr, bytes->len);
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_REPLY);
    enum events_page_result result = events_page_read(reply, position, ret, &why);
    redis_reader_free(reader);
    return result;
}

static enum events_page_result
read_stream(const struct stream *stream, struct events_position *position, struct events_page *ret)
{
    unsigned count = stream->to < stream->from ? 0 : (unsigned)(stream->to - stream->from + 1);
    struct strbuf bytes;
    strbuf_init(&bytes, MAX_BYTES);
    strbuf_add_cstr(&bytes, "*2\r\n");
    add_info(&bytes, stream);
    strbuf_addf(&bytes, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++)
        add_entry(&bytes, stream->from + i);
    enum events_page_result result = read_bytes(&bytes, position, ret);
    strbuf_release(&bytes);
    return result;
}

static void assert_page(const struct stream *stream, struct events_position *position,
                        uint64_t number, enum events_gap gap, uint64_t lost)
{
    struct events_page page;
    assert_int_equal(read_stream(stream, position, &page), EVENTS_PAGE_READ);
    assert_int_equal(page.gap, gap);
    assert_int_equal(page.lost, lost);
    assert_int_equal(page.number, number);
}

static void assert_at(const struct events_position *position, uint64_t ms, uint64_t number)
{
    assert_int_equal(position->id.ms, ms);
    assert_int_equal(position->number, number);
}

static void pages_follow_each_other(void **state)
{
    struct events_position position = {{0, 0}, 0};
    (void)state;
    assert_page(&(struct stream){9, 9, 101, 109, 101, 104}, &position, 1, EVENTS_GAP_NONE, 0);
    assert_at(&position, 104, 4);
    assert_page(&(struct stream){9, 9, 101, 109, 105, 109}, &position, 5, EVENTS_GAP_NONE, 0);
    assert_page(&(struct stream){9, 9, 101, 109, 1, 0}, &position, 10, EVENTS_GAP_NONE, 0);
    assert_at(&position, 109, 9);
    /* the oldest went, and all that went had been read */
    assert_page(&(struct stream){12, 3, 110, 112, 110, 112}, &position, 10, EVENTS_GAP_NONE, 0);
    assert_at(&position, 112, 12);
}

static void who_begins_late_misses_nothing_of_his(void **state)
{
    struct events_position position = {{0, 0}, 0};
    (void)state;
    assert_page(&(struct stream){20, 5, 116, 120, 116, 120}, &position, 16, EVENTS_GAP_NONE, 0);
    assert_at(&position, 120, 20);
}

static void what_went_unread_is_a_gap(void **state)
{
    struct events_position position = {{104, 0}, 4};
    (void)state;
    assert_page(&(struct stream){20, 5, 116, 120, 116, 120}, &position, 16, EVENTS_GAP_LOST, 11);
    assert_at(&position, 120, 20);
    assert_page(&(struct stream){23, 0, 0, 123, 1, 0}, &position, 24, EVENTS_GAP_LOST, 3);
    assert_at(&position, 123, 23);
    assert_page(&(struct stream){23, 0, 0, 123, 1, 0}, &position, 24, EVENTS_GAP_NONE, 0);
}

static void another_stream_of_that_name(void **state)
{
    struct events_position position = {{104, 0}, 4};
    (void)state;
    assert_page(&(struct stream){2, 2, 200, 201, 200, 201}, &position, 1, EVENTS_GAP_ANEW, 0);
    assert_at(&position, 201, 2);
}

static void a_stream_that_lost_its_end(void **state)
{
    struct events_position position = {{104, 0}, 4};
    struct events_page page;
    (void)state;
    assert_int_equal(read_stream(&(struct stream){3, 3, 101, 103, 1, 0}, &position, &page),
                     EVENTS_PAGE_READ);
    assert_int_equal(page.gap, EVENTS_GAP_CUT);
    assert_int_equal(page.count, 0);
    assert_at(&position, 103, 4);
    assert_page(&(struct stream){4, 4, 101, 105, 105, 105}, &position, 5, EVENTS_GAP_NONE, 0);
}

static void what_is_no_stream_is_refused(void **state)
{
    static const struct stream bad[] = {
        {3, 5, 101, 105, 101, 105}, /* more than were added */
        {5, 5, 101, 105, 90, 95},   /* entries before the position */
    };
    static const char *const texts[] = {"*0\r\n", "+OK\r\n", "*2\r\n*0\r\n*0\r\n",
                                        "*2\r\n-WRONGTYPE no\r\n*0\r\n", "*2\r\n:1\r\n:2\r\n"};
    struct events_page page;
    struct strbuf bytes;
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct events_position position = {{100, 0}, 0};
        assert_int_equal(read_stream(&bad[i], &position, &page), EVENTS_PAGE_REFUSED);
        assert_at(&position, 100, 0);
    }
    strbuf_init(&bytes, MAX_BYTES);
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct events_position position = {{100, 0}, 0};
        strbuf_clear(&bytes);
        strbuf_add_cstr(&bytes, texts[i]);
        assert_int_equal(read_bytes(&bytes, &position, &page), EVENTS_PAGE_REFUSED);
    }
    strbuf_clear(&bytes);
    strbuf_add_cstr(&bytes, "*2\r\n-ERR no such key\r\n*0\r\n");
    struct events_position position = {{100, 0}, 5};
    assert_int_equal(read_bytes(&bytes, &position, &page), EVENTS_PAGE_NO_STREAM);
    assert_at(&position, 100, 5);
    strbuf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_follow_each_other),
        cmocka_unit_test(who_begins_late_misses_nothing_of_his),
        cmocka_unit_test(what_went_unread_is_a_gap),
        cmocka_unit_test(another_stream_of_that_name),
        cmocka_unit_test(a_stream_that_lost_its_end),
        cmocka_unit_test(what_is_no_stream_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
