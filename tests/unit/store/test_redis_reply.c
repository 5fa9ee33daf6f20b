#include "unit/store/unit.h"

#include <malloc.h>
#include <string.h>

#include "base/strbuf.h"
#include "store/redis_reply.h"

#define MAX_BYTES ((size_t)1024 * 1024)
#define NESTED    1000

static void feed(struct redis_reader *reader, const char *text)
{
    redis_reader_feed(reader, text, strlen(text));
}

/* NESTED items "[n, [n]]", one behind the other in small pieces. */
static void feed_nested(struct redis_reader *reader, const struct redis_reply **ret)
{
    struct strbuf bytes;
    strbuf_init(&bytes, MAX_BYTES);
    strbuf_addf(&bytes, "*%d\r\n", NESTED);
    for (int i = 0; i < NESTED; i++)
        strbuf_addf(&bytes, "*2\r\n:%d\r\n*1\r\n$4\r\n%04d\r\n", i, i);
    for (size_t at = 0; at < bytes.len; at++) {
        assert_int_equal(redis_reader_next(reader, ret), REDIS_READ_MORE);
        redis_reader_feed(reader, bytes.ptr + at, 1);
    }
    strbuf_release(&bytes);
}

static void a_long_array_is_whole_however_it_has_grown(void **state)
{
    struct redis_reader *reader = redis_reader_new(MAX_BYTES);
    const struct redis_reply *reply;
    (void)state;
    feed_nested(reader, &reply);
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_REPLY);
    assert_int_equal(reply->count, NESTED);
    for (int i = 0; i < NESTED; i++) {
        const struct redis_reply *item = &reply->items[i];
        char digits[8];
        (void)snprintf(digits, sizeof digits, "%04d", i);
        assert_int_equal(item->type, REDIS_ARRAY);
        assert_int_equal(item->count, 2);
        assert_int_equal(item->items[0].integer, i);
        assert_int_equal(item->items[1].count, 1);
        assert_slice(item->items[1].items[0].text, digits);
    }
    redis_reader_free(reader);
}

static void an_array_that_is_only_announced_takes_no_memory(void **state)
{
    size_t count = 64 * MAX_BYTES / sizeof(struct redis_reply);
    struct redis_reader *reader = redis_reader_new(64 * MAX_BYTES);
    const struct redis_reply *reply;
    char header[32];
    (void)state;
    (void)snprintf(header, sizeof header, "*%zu\r\n", count - 1);
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    feed(reader, header);
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_MORE);
    size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
    assert_true(after - before < MAX_BYTES);
    redis_reader_free(reader);
}

static void one_that_cannot_fit_is_refused_at_once(void **state)
{
    const char *const headers[] = {"*1000000\r\n", "*2147483647\r\n", "*1\r\n*1000000\r\n"};
    const struct redis_reply *reply;
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct redis_reader *reader = redis_reader_new(MAX_BYTES);
        feed(reader, headers[i]);
        assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_TOO_LARGE);
        assert_string_equal(redis_reader_error(reader), "a reply larger than the limit");
        redis_reader_free(reader);
    }
}

/* The limit holds for what has come, too. */
static void a_reply_that_grows_past_the_limit_is_refused(void **state)
{
    struct redis_reader *reader = redis_reader_new(MAX_BYTES);
    const struct redis_reply *reply;
    enum redis_read read = REDIS_READ_MORE;
    (void)state;
    feed(reader, "*18000\r\n");
    for (int i = 0; i < 18000 && read == REDIS_READ_MORE; i++) {
        feed(reader, "$9\r\na text of\r\n");
        read = redis_reader_next(reader, &reply);
    }
    assert_int_equal(read, REDIS_READ_TOO_LARGE);
    redis_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_array_is_whole_however_it_has_grown),
        cmocka_unit_test(an_array_that_is_only_announced_takes_no_memory),
        cmocka_unit_test(one_that_cannot_fit_is_refused_at_once),
        cmocka_unit_test(a_reply_that_grows_past_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
