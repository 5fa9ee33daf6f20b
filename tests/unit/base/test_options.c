#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"
#include "base/options_table.h"

static char directory[] = "/tmp/masthead-options-XXXXXX";
static char path[sizeof directory + 16];
static struct err err;

static int set_up_group(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    (void)snprintf(path, sizeof path, "%s/test.conf", directory);
    return 0;
}

static int tear_down_group(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static int set_up(void **state)
{
    (void)state;
    memset(&err, 0, sizeof err);
    return 0;
}

static void write_file(struct slice text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
    assert_int_equal(fclose(file), 0);
}

static struct options *load_text(struct slice text)
{
    write_file(text);
    return options_load(path, NULL, NULL, 0, &err);
}

/* The file's path stands in front of every place; "~" stands for it here. */
static void check_where(const char *where, const char *expected)
{
    if (*expected == '~') {
        assert_int_equal(strncmp(where, path, strlen(path)), 0);
        where += strlen(path);
        expected++;
    }
    assert_string_equal(where, expected);
}

static void check_file_refused(struct slice text, const char *where, const char *wrong)
{
    assert_null(load_text(text));
    check_where(err.where, where);
    assert_string_equal(err.text, wrong);
}

static struct options *load_environment(char *const *environment)
{
    return options_load(NULL, environment, NULL, 0, &err);
}

static struct options *load_override(const char *text)
{
    const struct options_override override = {text};
    return options_load(NULL, NULL, &override, 1, &err);
}

/* ---- Values ------------------------------------------------------------------------------------
 */

static void test_defaults_are_those_of_the_table(void **state)
{
    (void)state;
    struct options *options = options_load(NULL, NULL, NULL, 0, &err);
    assert_non_null(options);
    assert_string_equal(options->server_listen, "127.0.0.1:8080");
    assert_string_equal(options->server_user, "");
    assert_true(options->server_deadline_ms_in_ms == 50);
    assert_true(options->server_max_connections == 10000);
    assert_true(options->server_drain_seconds_in_ms == 10000);
    assert_true(options->tokens_page_ttl_in_ms == 86400000);
    assert_int_equal(options->log_level, 1);
    assert_int_equal(options->log_format, 0);
    options_free(options);
    options_free(NULL);
}

static void check_duration(struct slice text, int64_t bare_unit_ms, int64_t expected_ms)
{
    int64_t ms = -1;
    assert_true(options_parse_duration(text, bare_unit_ms, &ms));
    assert_true(ms == expected_ms);
}

static void test_durations(void **state)
{
    (void)state;
    check_duration(SLICE("50ms"), 1000, 50);
    check_duration(SLICE("90s"), 1, 90000);
    check_duration(SLICE("3m"), 1, 180000);
    check_duration(SLICE("24h"), 1, 86400000);
    check_duration(SLICE("7d"), 1, 604800000);
    check_duration(SLICE("5"), 1, 5);
    check_duration(SLICE("5"), 1000, 5000);
    check_duration(SLICE("0"), 1000, 0);
    check_duration(SLICE("9223372036854775807ms"), 1, INT64_MAX);
}

static void test_what_is_no_duration(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT(""),
        SLICE_INIT("s"),
        SLICE_INIT("-1s"),
        SLICE_INIT("1 s"),
        SLICE_INIT("1S"),
        SLICE_INIT("1sec"),
        SLICE_INIT("1w"),
        SLICE_INIT("1.5s"),
        SLICE_INIT("1m1"),
        SLICE_INIT("1h5m"),
        SLICE_INIT("1ms\0"),
        SLICE_INIT("9223372036854775808ms"),
        SLICE_INIT("9223372036854775807d"),
        SLICE_INIT("106751991168d"),
    };
    int64_t ms = 4711;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(options_parse_duration(texts[i], 1000, &ms));
    assert_false(options_parse_duration(slice_of(NULL, 0), 1000, &ms));
    assert_true(ms == 4711);
}

/* ---- Files -------------------------------------------------------------------------------------
 */

static void test_a_file_overrides_the_defaults(void **state)
{
    (void)state;
    struct options *options = load_text(SLICE("# a comment\n"
                                              "; another\n"
                                              "\n"
                                              "[server]\n"
                                              "listen = [::]:80, unix:/run/x\n"
                                              "  deadline_ms=20  \n"
                                              "idle_timeout\t=\t2m\n"
                                              "user =\n"
                                              "[log]\r\n"
                                              "format = json\r\n"
                                              "[server]\n"
                                              "demo = on"));
    assert_non_null(options);
    assert_string_equal(options->server_listen, "[::]:80, unix:/run/x");
    assert_true(options->server_deadline_ms_in_ms == 20);
    assert_true(options->server_idle_timeout_in_ms == 120000);
    assert_string_equal(options->server_user, "");
    assert_int_equal(options->log_format, 1);
    assert_int_equal(options->server_demo, 1);
    assert_string_equal(options->server_workers, "auto");
    options_free(options);
}

static void test_values_keep_semicolons_and_hashes(void **state)
{
    (void)state;
    struct options *options = load_text(SLICE("[redis]\nurl = redis://u:p ;#x@h:1/0 ; y # z\n"));
    assert_non_null(options);
    assert_string_equal(options->redis_url, "redis://u:p ;#x@h:1/0 ; y # z");
    options_free(options);
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    struct options *options = load_text(SLICE("\xef\xbb\xbf[server]\nuser = ads\n"));
    assert_non_null(options);
    assert_string_equal(options->server_user, "ads");
    options_free(options);

    check_file_refused(SLICE(" \xef\xbb\xbf[server]\nuser = ads\n"), "~:1",
                       "the line is neither [section] nor key = value nor a # comment");
}

static void test_an_empty_file_is_a_good_one(void **state)
{
    (void)state;
    struct options *options = load_text(SLICE(""));
    assert_non_null(options);
    options_free(options);
}

static void test_where_a_value_came_from(void **state)
{
    char *environment[] = {(char[]){"ADSERVER_LOG_LEVEL=debug"}, NULL};
    const struct options_override override = {"redis.prefix=x:"};
    (void)state;
    write_file(SLICE("\n[server]\nuser=a\n[redis]\nprefix=y:\n"));
    struct options *options = options_load(path, environment, &override, 1, &err);
    assert_non_null(options);
    check_where(options_where(options, "server.user"), "~:3: server.user");
    check_where(options_where(options, "log.level"), "ADSERVER_LOG_LEVEL");
    check_where(options_where(options, "redis.prefix"), "-o redis.prefix");
    check_where(options_where(options, "redis.url"), "redis.url");
    options_free(options);
}

static void test_values_of_the_wrong_form(void **state)
{
    (void)state;
    check_file_refused(SLICE("[server]\nmax_connections = x\n"), "~:2: server.max_connections",
                       "\"x\" is not a number from 1 to 1000000");
    check_file_refused(SLICE("[server]\nmax_connections = 0\n"), "~:2: server.max_connections",
                       "\"0\" is not a number from 1 to 1000000");
    check_file_refused(SLICE("[server]\nmax_connections = 1000001\n"),
                       "~:2: server.max_connections",
                       "\"1000001\" is not a number from 1 to 1000000");
    check_file_refused(SLICE("[server]\nmax_connections =\n"), "~:2: server.max_connections",
                       "\"\" is not a number from 1 to 1000000");
    check_file_refused(SLICE("[server]\n\n\ndeadline_ms = 4\n"), "~:4: server.deadline_ms",
                       "\"4\" is not a duration from 5ms to 10s");
    check_file_refused(SLICE("[tokens]\npage_ttl = 8d\n"), "~:2: tokens.page_ttl",
                       "\"8d\" is not a duration from 1h to 7d");
    check_file_refused(SLICE("[server]\ndemo = yes\n"), "~:2: server.demo",
                       "\"yes\" is not one of off, on");
    check_file_refused(SLICE("[log]\nlevel = h\xc3\xb6\n"), "~:2: log.level",
                       "\"h\\xc3\\xb6\" is not one of debug, info, warning, error");
}

static void test_unknown_names(void **state)
{
    (void)state;
    check_file_refused(SLICE("[server]\nport = 1\n"), "~:2: server.port",
                       "is no option; adserver -h lists them");
    check_file_refused(SLICE("[server]\n = 1\n"), "~:2: server.",
                       "is no option; adserver -h lists them");
    check_file_refused(SLICE("[server]\nLISTEN = x\n"), "~:2: server.LISTEN",
                       "is no option; adserver -h lists them");
    check_file_refused(SLICE("listen = x\n"), "~:1: listen", "stands before any [section]");
    check_file_refused(
        SLICE("\n[servr]\n"), "~:2",
        "[servr] is no section; the sections are server, redis, tokens, conversions, goals, spool, "
        "events, viewer, bots, geo, forecast, reports, api, log");
    check_file_refused(
        SLICE("[ server ]\n"), "~:1",
        "[ server ] is no section; the sections are server, redis, tokens, conversions, goals, spool, "
        "events, viewer, bots, geo, forecast, reports, api, log");
    check_file_refused(
        SLICE("[]\n"), "~:1",
        "[] is no section; the sections are server, redis, tokens, conversions, goals, spool, "
        "events, viewer, bots, geo, forecast, reports, api, log");
}

static void test_lines_that_are_nothing(void **state)
{
    static const char wrong[] = "the line is neither [section] nor key = value nor a # comment";
    (void)state;
    check_file_refused(SLICE("[server]\nlisten\n"), "~:2", wrong);
    check_file_refused(SLICE("[server]\nuser = a\n\n\"quoted\"\nuser = b\n"), "~:4", wrong);
    check_file_refused(SLICE("[server\nuser = a\n"), "~:1", wrong);
    check_file_refused(SLICE("[server] # the server\n"), "~:1", wrong);
}

static void test_a_key_is_set_once(void **state)
{
    (void)state;
    check_file_refused(SLICE("[server]\nuser = a\n[log]\nlevel=info\n[server]\nuser = a\n"),
                       "~:6: server.user", "is set twice; the first time in line 2");
}

static void test_control_bytes_are_refused(void **state)
{
    (void)state;
    check_file_refused(SLICE("[server]\nuser = a\0b\n"), "~:2",
                       "the line contains the control byte \\x00");
    check_file_refused(SLICE("\0"), "~:1", "the line contains the control byte \\x00");
    check_file_refused(SLICE("[log]\nlevel = \x1b[31m\n"), "~:2",
                       "the line contains the control byte \\x1b");
    check_file_refused(SLICE("\r[servr]\n"), "~:1", "the line contains the control byte \\x0d");
    check_file_refused(SLICE("# a\r# b\r"), "~:1", "the line contains the control byte \\x0d");
}

/* `before`, then `count` times `filler`, then the end of the line. */
static struct slice long_text(const char *before, char filler, size_t count)
{
    static char text[OPTIONS_FILE_MAX + 1000];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", before);
    assert_true(len + count < sizeof text);
    memset(text + len, filler, count);
    text[len + count] = '\n';
    return slice_of(text, len + count + 1);
}

static void test_a_value_has_a_limit(void **state)
{
    (void)state;
    struct options *options = load_text(long_text("[redis]\nurl = ", 'x', OPTIONS_VALUE_MAX));
    assert_non_null(options);
    assert_int_equal(strlen(options->redis_url), OPTIONS_VALUE_MAX);
    options_free(options);

    check_file_refused(long_text("[redis]\nurl = ", 'x', OPTIONS_VALUE_MAX + 1), "~:2: redis.url",
                       "is longer than 4096 bytes");
}

static void test_a_line_is_never_cut(void **state)
{
    (void)state;
    check_file_refused(long_text("[redis]\nurl = ", 'x', 10000), "~:2",
                       "the line is longer than 4352 bytes");
    check_file_refused(long_text("# ", 'x', 10000), "~:1", "the line is longer than 4352 bytes");
    struct options *options = load_text(long_text("", ' ', 100000));
    assert_non_null(options);
    options_free(options);
}

static void test_a_file_has_a_limit(void **state)
{
    (void)state;
    struct options *options = load_text(long_text("", '\n', OPTIONS_FILE_MAX - 1));
    assert_non_null(options);
    options_free(options);
    check_file_refused(long_text("", '\n', OPTIONS_FILE_MAX), "~", "is larger than 262144 bytes");
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    assert_null(options_load("/nowhere/at.all", NULL, NULL, 0, &err));
    assert_string_equal(err.where, "/nowhere/at.all");
    assert_string_equal(err.text, "cannot be read: No such file or directory");
    assert_null(options_load("/tmp", NULL, NULL, 0, &err));
    assert_string_equal(err.text, "cannot be read: Is a directory");
}

/* ---- Environment and overrides -----------------------------------------------------------------
 */

static void test_the_environment_overrides_the_file(void **state)
{
    char *environment[] = {
        (char[]){"PATH=/bin"},
        (char[]){"ADSERVER_SERVER_USER= ads "},
        (char[]){"ADSERVER_SERVER_DEADLINE_MS=99"},
        (char[]){"ADSERVER_HOME=/x"},
        (char[]){"ADSERVER_SERVERS=3"},
        (char[]){"ADSERVER_REDIS_URL=unix:///x?db=0"},
        (char[]){"ADSERVER"},
        NULL,
    };
    (void)state;
    write_file(SLICE("[server]\nuser = file\n"));
    struct options *options = options_load(path, environment, NULL, 0, &err);
    assert_non_null(options);
    assert_string_equal(options->server_user, "ads");
    assert_true(options->server_deadline_ms_in_ms == 99);
    assert_string_equal(options->redis_url, "unix:///x?db=0");
    options_free(options);
}

static void check_variable_refused(char *variable, const char *where, const char *wrong)
{
    char *environment[] = {variable, NULL};
    assert_null(load_environment(environment));
    assert_string_equal(err.where, where);
    assert_string_equal(err.text, wrong);
}

static void test_mistakes_in_the_environment(void **state)
{
    (void)state;
    check_variable_refused((char[]){"ADSERVER_SERVER_PORT=1"}, "ADSERVER_SERVER_PORT",
                           "is no option; adserver -h lists them");
    check_variable_refused((char[]){"ADSERVER_LOG_=1"}, "ADSERVER_LOG_",
                           "is no option; adserver -h lists them");
    check_variable_refused((char[]){"ADSERVER_LOG_LEVEL=loud"}, "ADSERVER_LOG_LEVEL",
                           "\"loud\" is not one of debug, info, warning, error");
    check_variable_refused((char[]){"ADSERVER_SERVER_MAX_CONNECTIONS="},
                           "ADSERVER_SERVER_MAX_CONNECTIONS",
                           "\"\" is not a number from 1 to 1000000");
}

static void test_an_override_wins(void **state)
{
    char *environment[] = {(char[]){"ADSERVER_SERVER_USER=environment"}, NULL};
    const struct options_override overrides[] = {
        {"server.user=first"}, {"server.user=second"}, {"redis.url=redis://h/?a=b"}};
    (void)state;
    write_file(SLICE("[server]\nuser = file\n"));
    struct options *options = options_load(path, environment, overrides, 3, &err);
    assert_non_null(options);
    assert_string_equal(options->server_user, "second");
    assert_string_equal(options->redis_url, "redis://h/?a=b");
    options_free(options);
}

static void check_override_refused(const char *text, const char *where, const char *wrong)
{
    assert_null(load_override(text));
    assert_string_equal(err.where, where);
    assert_string_equal(err.text, wrong);
}

static void test_mistakes_on_the_command_line(void **state)
{
    (void)state;
    check_override_refused("server.demo", "-o server.demo", "is not of the form section.key=value");
    check_override_refused("", "-o ", "is not of the form section.key=value");
    check_override_refused("demo=on", "-o demo", "is no option; adserver -h lists them");
    check_override_refused("=on", "-o ", "is no option; adserver -h lists them");
    check_override_refused("server.port=1", "-o server.port",
                           "is no option; adserver -h lists them");
    check_override_refused("server.demo=yes", "-o server.demo", "\"yes\" is not one of off, on");
    check_override_refused("server.demo=", "-o server.demo", "\"\" is not one of off, on");
    struct options *options = load_override("server.user=");
    assert_non_null(options);
    options_free(options);
}

/* ---- What is printed ---------------------------------------------------------------------------
 */

typedef void printer(FILE *to);

static char *print(printer *print_options)
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    assert_non_null(to);
    print_options(to);
    assert_int_equal(fclose(to), 0);
    return text;
}

static void check_value_of(const struct options *a, const struct options *b,
                           const struct options_row *option)
{
    const char *in_a = (const char *)a + option->offset;
    const char *in_b = (const char *)b + option->offset;
    if (option->kind == OPTION_KIND_TEXT)
        assert_string_equal(*(char *const *)(const void *)in_a, *(char *const *)(const void *)in_b);
    else if (option->kind == OPTION_KIND_CHOICE)
        assert_memory_equal(in_a, in_b, sizeof(int));
    else
        assert_memory_equal(in_a, in_b, sizeof(int64_t));
}

static void test_the_sample_file_sets_every_option_to_its_default(void **state)
{
    char *text = print(options_print_sample);
    (void)state;
    struct options *presets = options_load(NULL, NULL, NULL, 0, &err);
    struct options *options = load_text(slice_cstr(text));
    assert_non_null(options);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s.%s", options_table[i].section, options_table[i].key);
        assert_string_not_equal(options_where(options, name), name);
        check_value_of(options, presets, &options_table[i]);
    }
    options_free(options);
    options_free(presets);
    free(text);
}

static void test_lines_of_the_sample_file_fit_a_screen(void **state)
{
    char *text = print(options_print_sample);
    struct slice rest = slice_cstr(text);
    struct slice line;
    (void)state;
    while (slice_next(&rest, '\n', &line))
        assert_in_range(line.len, 0, 100);
    free(text);
}

static void test_help_and_manual_name_every_option(void **state)
{
    char *help = print(options_print_help);
    char *manual = print(options_print_manual);
    (void)state;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct options_row *option = &options_table[i];
        char line[128];
        (void)snprintf(line, sizeof line, "  %s.%s = %s\n", option->section, option->key,
                       option->preset);
        assert_non_null(strstr(help, line));
        assert_non_null(strstr(help, option->help));
        (void)snprintf(line, sizeof line, ".It Ic %s.%s\n", option->section, option->key);
        assert_non_null(strstr(manual, line));
    }
    free(help);
    free(manual);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults_are_those_of_the_table),
        TEST(test_durations),
        TEST(test_what_is_no_duration),
        TEST(test_a_file_overrides_the_defaults),
        TEST(test_values_keep_semicolons_and_hashes),
        TEST(test_a_byte_order_mark_is_skipped),
        TEST(test_an_empty_file_is_a_good_one),
        TEST(test_where_a_value_came_from),
        TEST(test_values_of_the_wrong_form),
        TEST(test_unknown_names),
        TEST(test_lines_that_are_nothing),
        TEST(test_a_key_is_set_once),
        TEST(test_control_bytes_are_refused),
        TEST(test_a_value_has_a_limit),
        TEST(test_a_line_is_never_cut),
        TEST(test_a_file_has_a_limit),
        TEST(test_files_that_cannot_be_read),
        TEST(test_the_environment_overrides_the_file),
        TEST(test_mistakes_in_the_environment),
        TEST(test_an_override_wins),
        TEST(test_mistakes_on_the_command_line),
        TEST(test_the_sample_file_sets_every_option_to_its_default),
        TEST(test_lines_of_the_sample_file_fit_a_screen),
        TEST(test_help_and_manual_name_every_option),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
