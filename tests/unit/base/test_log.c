#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"

/*
 * Lines go into a pipe that keeps packets apart, so that one read() returns what one write() wrote.
 */
static int ends[2];
static char line[128 * 1024];

static int set_up(void **state)
{
    (void)state;
    if (pipe2(ends, O_DIRECT | O_NONBLOCK) != 0)
        return -1;
    log_set_fd(ends[1]);
    log_setup(LOG_DEBUG, LOG_LOGFMT);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* What has been written, of packets as long as the pipe takes them (4 KiB). */
static const char *read_line(void)
{
    ssize_t got;
    size_t len = 0;
    while ((got = read(ends[0], line + len, sizeof line - 1 - len)) > 0)
        len += (size_t)got;
    line[len] = '\0';
    return line;
}

/* The line without its time, whose form is checked. */
static const char *read_after_time(void)
{
    static const char form[] = "time=dddd-dd-ddTdd:dd:dd.dddZ ";
    const char *text = read_line();
    for (size_t i = 0; form[i]; i++) {
        if (form[i] == 'd')
            assert_in_range(text[i], '0', '9');
        else
            assert_int_equal(text[i], form[i]);
    }
    return text + sizeof form - 1;
}

static void test_a_line_of_logfmt(void **state)
{
    (void)state;
    log_event(LOG_WARNING, "redis: connection lost", LOG_STR("error", "timed out"),
              LOG_INT("wait_ms", -20), LOG_SLICE("host", SLICE("10.0.0.1:6379")));
    assert_string_equal(read_after_time(), "level=warning msg=\"redis: connection lost\" "
                                           "error=\"timed out\" wait_ms=-20 host=10.0.0.1:6379\n");
}

static void test_an_event_needs_no_fields(void **state)
{
    (void)state;
    log_event(LOG_INFO, "ready");
    assert_string_equal(read_after_time(), "level=info msg=ready\n");
    log_write(LOG_ERROR, "stopped", NULL);
    assert_string_equal(read_after_time(), "level=error msg=stopped\n");
}

static void check_value(const char *expected, struct slice value)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "level=info msg=m v=%s\n", expected);
    log_event(LOG_INFO, "m", LOG_SLICE("v", value));
    assert_string_equal(read_after_time(), whole);
}

static void test_values_are_quoted_where_they_must_be(void **state)
{
    (void)state;
    check_value("\"\"", slice_of(NULL, 0));
    check_value("\"\"", slice_cstr(NULL));
    check_value("plain/text:1", SLICE("plain/text:1"));
    check_value("\"two words\"", SLICE("two words"));
    check_value("\"a=b\"", SLICE("a=b"));
    check_value("\"say \\\"x\\\"\"", SLICE("say \"x\""));
    check_value("\"back\\\\slash\"", SLICE("back\\slash"));
}

static void test_foreign_bytes_cannot_make_a_line(void **state)
{
    (void)state;
    check_value("\"a\\x0d\\x0alevel=error\"", SLICE("a\r\nlevel=error"));
    check_value("\"\\x1b[2J\\x00\\x7f\"", SLICE("\x1b[2J\0\x7f"));
    check_value("\"h\\xc3\\xa9\\xff\"", SLICE("h\xc3\xa9\xff"));
}

static void test_long_values_are_cut(void **state)
{
    char text[LOG_VALUE_MAX + 100];
    (void)state;
    memset(text, 'x', sizeof text);
    log_event(LOG_INFO, "m", LOG_SLICE("v", slice_of(text, sizeof text)), LOG_INT("n", 1));
    const char *written = read_after_time();
    assert_int_equal(strlen(written), strlen("level=info msg=m v= n=1\n") + LOG_VALUE_MAX);
    assert_string_equal(written + strlen(written) - 5, " n=1\n");
}

/* More fields than a line holds: the last ones are left out, the line is whole. */
static void test_a_line_has_an_end(void **state)
{
    enum { FIELDS = 40 };
    char bytes[LOG_VALUE_MAX];
    struct log_field fields[FIELDS + 1];
    (void)state;
    memset(bytes, 0xff, sizeof bytes);
    memset(fields, 0, sizeof fields);
    for (int i = 0; i < FIELDS; i++)
        fields[i] = LOG_SLICE("v", slice_of(bytes, sizeof bytes));

    log_write(LOG_INFO, "m", fields);
    size_t len = strlen(read_line());
    assert_in_range(len, 60000, 65537);
    assert_int_equal(line[len - 1], '\n');

    log_setup(LOG_DEBUG, LOG_JSON);
    log_write(LOG_INFO, "m", fields);
    json_t *json = json_loads(read_line(), 0, NULL);
    assert_non_null(json);
    json_decref(json);
}

static json_t *read_json(void)
{
    const char *text = read_line();
    assert_int_equal(text[strlen(text) - 1], '\n');
    for (const char *c = text; c[1]; c++)
        assert_in_range(*c, 0x20, 0x7e);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    return json;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void test_a_line_of_json(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON);
    log_event(LOG_ERROR, "it \"broke\"", LOG_STR("path", "a\\b"), LOG_INT("n", INT64_MIN));
    json_t *json = read_json();
    assert_int_equal(strlen(text_of(json, "time")), strlen("2024-01-01T00:00:00.000Z"));
    assert_string_equal(text_of(json, "level"), "error");
    assert_string_equal(text_of(json, "msg"), "it \"broke\"");
    assert_string_equal(text_of(json, "path"), "a\\b");
    assert_true(json_integer_value(json_object_get(json, "n")) == INT64_MIN);
    json_decref(json);
}

static void test_json_is_ascii_and_means_the_same(void **state)
{
    (void)state;
    log_setup(LOG_DEBUG, LOG_JSON);
    log_event(LOG_INFO, "m", LOG_SLICE("a", SLICE("\r\n\x1b\x7f")),
              LOG_SLICE("b", SLICE("h\xc3\xa9 \xf0\x9f\x98\x80")),
              LOG_SLICE("c", SLICE("bad \xff\xc3")));
    json_t *json = read_json();
    assert_string_equal(text_of(json, "a"), "\r\n\x1b\x7f");
    assert_string_equal(text_of(json, "b"), "h\xc3\xa9 \xf0\x9f\x98\x80");
    assert_string_equal(text_of(json, "c"), "bad \xef\xbf\xbd\xef\xbf\xbd");
    json_decref(json);
}

static void test_lesser_lines_are_dropped(void **state)
{
    (void)state;
    log_setup(LOG_WARNING, LOG_LOGFMT);
    assert_false(log_enabled(LOG_DEBUG));
    assert_false(log_enabled(LOG_INFO));
    assert_true(log_enabled(LOG_WARNING));
    assert_true(log_enabled(LOG_ERROR));
    log_event(LOG_INFO, "m");
    assert_string_equal(read_line(), "");
}

static void test_one_event_is_one_write(void **state)
{
    char first[4096];
    (void)state;
    log_event(LOG_INFO, "first", LOG_INT("n", 1));
    log_event(LOG_INFO, "second");
    ssize_t got = read(ends[0], first, sizeof first);
    assert_true(got > 0);
    assert_int_equal(memchr(first, '\n', (size_t)got) == first + got - 1, 1);
}

static void test_errno_is_preserved(void **state)
{
    (void)state;
    log_set_fd(-1);
    errno = ENOENT;
    log_event(LOG_ERROR, "nowhere to go");
    assert_int_equal(errno, ENOENT);
}

static void test_a_limit_lets_one_line_through(void **state)
{
    struct log_limit limit = {0};
    uint64_t suppressed = 4711;
    (void)state;
    assert_true(log_allowed(&limit, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_false(log_allowed(&limit, &suppressed));
    assert_false(log_allowed(&limit, &suppressed));
    limit.next_us -= 1000000; /* as if the second were over */
    assert_true(log_allowed(&limit, &suppressed));
    assert_int_equal(suppressed, 2);
    assert_false(log_allowed(&limit, &suppressed));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_line_of_logfmt),
        TEST(test_an_event_needs_no_fields),
        TEST(test_values_are_quoted_where_they_must_be),
        TEST(test_foreign_bytes_cannot_make_a_line),
        TEST(test_long_values_are_cut),
        TEST(test_a_line_has_an_end),
        TEST(test_a_line_of_json),
        TEST(test_json_is_ascii_and_means_the_same),
        TEST(test_lesser_lines_are_dropped),
        TEST(test_one_event_is_one_write),
        TEST(test_errno_is_preserved),
        TEST(test_a_limit_lets_one_line_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
