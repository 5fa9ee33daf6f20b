#include "ctl/events_format.h"
#include "unit/ctl/unit.h"

static struct strbuf buf;

static int set_up(void **state)
{
    (void)state;
    strbuf_init(&buf, EVENTS_LINE_MAX);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    strbuf_release(&buf);
    return 0;
}

static struct event_entry entry_of(struct slice creative)
{
    return (struct event_entry){.id = {1795828384000, 7},
                                .values = {SLICE("click"), SLICE("over_goal"), SLICE("1"), creative,
                                           SLICE("header"), SLICE("AAAAAAAAAAAAAAAAAAAAAQ"),
                                           SLICE("1795828380000"), SLICE("1795828384000"),
                                           SLICE("333333")}};
}

static const char *line_of(enum events_format format, struct slice creative)
{
    struct event_entry entry = entry_of(creative);
    strbuf_clear(&buf);
    events_format_line(format, SLICE("spring"), &entry, 42, &buf);
    assert_false(buf.overflowed);
    return strbuf_cstr(&buf);
}

static void a_line_of_json(void **state)
{
    (void)state;
    assert_string_equal(line_of(EVENTS_NDJSON, SLICE("spring-970")),
                        "{\"id\":\"1795828384000-7\",\"number\":42,\"campaign\":\"spring\","
                        "\"event\":\"click\",\"result\":\"over_goal\",\"implied\":true,"
                        "\"creative\":\"spring-970\",\"slot\":\"header\","
                        "\"impression\":\"AAAAAAAAAAAAAAAAAAAAAQ\",\"served_ms\":1795828380000,"
                        "\"at_ms\":1795828384000,\"price_micro\":333333}\n");
}

static void a_line_of_csv(void **state)
{
    (void)state;
    assert_string_equal(line_of(EVENTS_CSV, SLICE("spring-970")),
                        "1795828384000-7,42,spring,click,over_goal,1,spring-970,header,"
                        "AAAAAAAAAAAAAAAAAAAAAQ,1795828380000,1795828384000,333333\r\n");
    strbuf_clear(&buf);
    events_format_head(EVENTS_CSV, &buf);
    assert_string_equal(strbuf_cstr(&buf), "id,number,campaign,event,result,implied,creative,slot,"
                                           "impression,served_ms,at_ms,price_micro\r\n");
    strbuf_clear(&buf);
    events_format_head(EVENTS_NDJSON, &buf);
    assert_int_equal(buf.len, 0);
}

/* Readers of entries refuse such text; whoever writes lines does not rely on it. */
static void texts_are_escaped(void **state)
{
    (void)state;
    assert_non_null(strstr(line_of(EVENTS_NDJSON, SLICE("a\"b\\c\n\xff")),
                           "\"creative\":\"a\\\"b\\\\c\\u000a\\ufffd\","));
    assert_non_null(strstr(line_of(EVENTS_CSV, SLICE("a\"b,c\nd")), ",\"a\"\"b,c\nd\","));
    assert_non_null(strstr(line_of(EVENTS_CSV, SLICE("a\rb")), ",\"a\rb\","));
}

static bool has_position(enum events_format format, const char *line)
{
    struct events_position position = {{1, 2}, 3};
    bool has = events_format_position(format, slice_cstr(line), &position);
    if (has) {
        assert_int_equal(position.id.ms, 1795828384000);
        assert_int_equal(position.id.sequence, 7);
        assert_int_equal(position.number, 42);
    } else {
        assert_int_equal(position.number, 3);
    }
    return has;
}

static void a_line_tells_where_it_stood(void **state)
{
    (void)state;
    for (unsigned format = 0; format < EVENTS_FORMAT_COUNT; format++) {
        (void)line_of((enum events_format)format, SLICE("spring-970"));
        strbuf_truncate(&buf, buf.len - 1);
        assert_true(has_position((enum events_format)format, strbuf_cstr(&buf)));
        assert_false(has_position((enum events_format)(1 - format), strbuf_cstr(&buf)));
        strbuf_truncate(&buf, buf.len - 1);
        assert_false(has_position((enum events_format)format, strbuf_cstr(&buf)));
    }
    assert_false(has_position(EVENTS_CSV, "id,number,campaign\r"));
    assert_false(has_position(EVENTS_CSV, "5,1,spring\r"));
    assert_false(has_position(EVENTS_CSV, "\r"));
    assert_false(has_position(EVENTS_NDJSON, "{\"id\":\"5-1\",\"number\":,}"));
    assert_false(has_position(EVENTS_NDJSON, "{\"id\":\"5-1\"}"));
    assert_false(has_position(EVENTS_NDJSON, "{}"));
    assert_false(has_position(EVENTS_NDJSON, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_json),
        cmocka_unit_test(a_line_of_csv),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(a_line_tells_where_it_stood),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
