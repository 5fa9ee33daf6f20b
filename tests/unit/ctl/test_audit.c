#include <jansson.h>

#include "ctl/audit.h"
#include "unit/ctl/unit.h"

static unsigned describe(struct strbuf *to, const struct change *item, unsigned count)
{
    const struct changes changes = {(struct change *)(uintptr_t)item, count};
    strbuf_init(to, AUDIT_CHANGES_MAX);
    return audit_describe(to, &changes);
}

static void test_before_and_after(void **state)
{
    const struct change changes[] = {
        {make_absent(RECORD_SLOT, "header"),
         make_entry(RECORD_SLOT, "header", FIELDS("name", "Header"))},
        {make_entry(RECORD_CAMPAIGN, "a", FIELDS("weight", "1", "slots", "*", "cpm", "4.5")),
         make_entry(RECORD_CAMPAIGN, "a", FIELDS("weight", "3", "slots", "*", "caps", "1/1d"))},
        {make_entry(RECORD_CREATIVE, "old", FIELDS("type", "text", "title", "\"\n\xff")), NULL},
    };
    struct strbuf text;
    (void)state;
    assert_int_equal(describe(&text, changes, 3), 0);
    assert_slice(strbuf_slice(&text),
                 "[{\"entry\":\"slot header\",\"before\":null,\"after\":{\"name\":\"Header\"}},"
                 "{\"entry\":\"campaign a\",\"before\":{\"weight\":\"1\",\"cpm\":\"4.5\"},"
                 "\"after\":{\"weight\":\"3\",\"caps\":\"1/1d\"}},"
                 "{\"entry\":\"creative old\",\"before\":{\"type\":\"text\","
                 "\"title\":\"\\\"\\u000a\\ufffd\"},\"after\":null}]");
    strbuf_release(&text);
}

static void test_long_values_are_cut(void **state)
{
    static char html[HTML_MAX + 1];
    struct strbuf text;
    (void)state;
    memset(html, 'h', HTML_MAX);
    const struct change change = {make_absent(RECORD_CREATIVE, "c"),
                                  make_entry(RECORD_CREATIVE, "c", FIELDS("html", html))};
    assert_int_equal(describe(&text, &change, 1), 0);
    assert_true(text.len < AUDIT_VALUE_MAX + 200);
    assert_non_null(strstr(strbuf_cstr(&text), "h… (65536 bytes)\""));
    strbuf_release(&text);
}

/* However many there are, the line is bounded, whole JSON, and says how many it leaves out. */
static void test_many_changes(void **state)
{
    enum { COUNT = 5000 };
    static struct change changes[COUNT];
    struct strbuf text;
    (void)state;
    for (unsigned i = 0; i < COUNT; i++)
        changes[i] = (struct change){make_absent(RECORD_SLOT, "header"),
                                     make_entry(RECORD_SLOT, "header", FIELDS("name", "<Header>"))};
    unsigned omitted = describe(&text, changes, COUNT);
    assert_false(text.overflowed);
    json_t *json = json_loadb(text.ptr, text.len, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json) + omitted, COUNT);
    assert_true(json_array_size(json) > 500);
    json_decref(json);
    strbuf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_and_after),
        cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_many_changes),
    };
    return cmocka_run_group_tests(tests, set_up_arena, tear_down_arena);
}
