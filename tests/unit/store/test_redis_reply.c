#include "unit/store/unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static void a_long_array_is_whole_however_its_bytes_came(void **state)
{
    struct redis_reader *reader = redis_reader_new(MAX_BYTES);
    const struct redis_reply *reply;
    (void)state;
    feed_nested(reader, &reply);
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_REPLY);
    assert_int_equal(reply->count, NESTED);
    for (int i = 0; i < NESTED; i++) {
        const struct redis_reply *item = &reply->items[i];
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%04d", i);
        assert_int_equal(item->type, REDIS_ARRAY);
        assert_int_equal(item->count, 2);
        assert_int_equal(item->items[0].integer, i);
        assert_int_equal(item->items[1].count, 1);
        assert_slice(item->items[1].items[0].text, digits);
    }
    redis_reader_free(reader);
}

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*u %zu", &pages), 1);
    (void)fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Little even beside an eighth of it, which is what AddressSanitizer notes down. */
static void an_array_that_is_only_announced_takes_little_memory(void **state)
{
    size_t room = 64 * MAX_BYTES;
    struct redis_reader *reader = redis_reader_new(room);
    const struct redis_reply *reply;
    char header[32];
    (void)state;
    (void)snprintf(header, sizeof header, "*%zu\r\n", room / sizeof(struct redis_reply) - 1);
    feed(reader, header);
    size_t before = resident_bytes();
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_MORE);
    assert_true(resident_bytes() < before + room / 4);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_array_is_whole_however_its_bytes_came),
        cmocka_unit_test(an_array_that_is_only_announced_takes_little_memory),
        cmocka_unit_test(one_that_cannot_fit_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
