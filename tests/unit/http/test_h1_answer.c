#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "http/h1_answer.h"

static const struct slice date = SLICE_INIT("Date: today\r\n");

static void assert_head(const struct http_response *response, enum h1_persistence persistence,
                        const char *expected)
{
    struct strbuf head;
    strbuf_init(&head, 1000);
    h1_answer_head(&head, response, date, persistence);
    assert_string_equal(strbuf_cstr(&head), expected);
    strbuf_release(&head);
}

static void test_an_answer_with_a_body(void **state)
{
    (void)state;
    assert_head(&(struct http_response){.status = 200,
                                        .content_type = SLICE("text/plain"),
                                        .extra = SLICE("Cache-Control: no-store\r\nA: b\r\n"),
                                        .body = SLICE("hello")},
                H1_STAYS,
                "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Type: text/plain\r\n"
                "Content-Length: 5\r\nX-Content-Type-Options: nosniff\r\n"
                "Cache-Control: no-store\r\nA: b\r\n\r\n");
}

static void test_answers_without_one(void **state)
{
    (void)state;
    assert_head(&(struct http_response){.status = 204}, H1_STAYS,
                "HTTP/1.1 204 No Content\r\nDate: today\r\n"
                "X-Content-Type-Options: nosniff\r\n\r\n");
    assert_head(&(struct http_response){.status = 304, .extra = SLICE("ETag: \"a\"\r\n")}, H1_STAYS,
                "HTTP/1.1 304 Not Modified\r\nDate: today\r\n"
                "X-Content-Type-Options: nosniff\r\nETag: \"a\"\r\n\r\n");
    assert_head(&(struct http_response){.status = 302, .extra = SLICE("Location: /\r\n")}, H1_STAYS,
                "HTTP/1.1 302 Found\r\nDate: today\r\nContent-Length: 0\r\n"
                "X-Content-Type-Options: nosniff\r\nLocation: /\r\n\r\n");
}

static void test_what_is_said_of_the_connection(void **state)
{
    (void)state;
    struct http_response response = {.status = 599};
    assert_head(&response, H1_CLOSES,
                "HTTP/1.1 599 Unknown\r\nDate: today\r\nContent-Length: 0\r\n"
                "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n");
    assert_head(&response, H1_STAYS_1_0,
                "HTTP/1.1 599 Unknown\r\nDate: today\r\nContent-Length: 0\r\n"
                "X-Content-Type-Options: nosniff\r\nConnection: keep-alive\r\n\r\n");
}

static void test_the_date_is_written_once_a_second(void **state)
{
    (void)state;
    struct h1_date cache = {0};
    struct slice line = h1_date_line(&cache, 5 * US_PER_SECOND);
    assert_int_equal(line.len, strlen("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert_true(slice_starts(line, SLICE("Date: ")));
    assert_true(slice_ends(line, SLICE(" GMT\r\n")));
    assert_in_range(cache.until_us, 5 * US_PER_SECOND + 1, 6 * US_PER_SECOND);
    cache.line[6] = '!';
    assert_int_equal(h1_date_line(&cache, cache.until_us - 1).ptr[6], '!');
    assert_int_not_equal(h1_date_line(&cache, cache.until_us).ptr[6], '!');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_with_a_body),
        cmocka_unit_test(test_answers_without_one),
        cmocka_unit_test(test_what_is_said_of_the_connection),
        cmocka_unit_test(test_the_date_is_written_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
