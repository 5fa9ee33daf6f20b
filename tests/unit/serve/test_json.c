#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "serve/json.h"

static struct strbuf buf;

static int set_up(void **state)
{
    (void)state;
    strbuf_init(&buf, 65536);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    strbuf_release(&buf);
    return 0;
}

static void test_commas_stand_where_they_are_due(void **state)
{
    (void)state;
    json_open(&buf, '{');
    json_u64(&buf, "a", 1);
    json_name(&buf, "b");
    json_open(&buf, '[');
    json_open(&buf, '{');
    json_close(&buf, '}');
    json_open(&buf, '[');
    json_close(&buf, ']');
    json_close(&buf, ']');
    json_name(&buf, "c");
    json_open(&buf, '{');
    json_close(&buf, '}');
    json_bool(&buf, "d", true);
    json_bool(&buf, "e", false);
    json_text(&buf, "f", SLICE("g"));
    json_close(&buf, '}');
    assert_string_equal(strbuf_cstr(&buf), "{\"a\":1,\"b\":[{},[]],\"c\":{},\"d\":true,\"e\":false,"
                                           "\"f\":\"g\"}");
}

/* A text that ends like something opened does not swallow the comma behind it. */
static void test_texts_that_look_like_structure(void **state)
{
    static const char *const texts[] = {"{", "[", ":", ",", "}", "\"", "\\", ""};
    (void)state;
    json_open(&buf, '{');
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        char name[3] = {'n', (char)('a' + i), '\0'};
        json_text(&buf, name, slice_cstr(texts[i]));
    }
    json_name_slice(&buf, SLICE("{:"));
    json_open(&buf, '{');
    json_close(&buf, '}');
    json_close(&buf, '}');

    json_t *read = json_loads(strbuf_cstr(&buf), 0, NULL);
    assert_non_null(read);
    assert_int_equal(json_object_size(read), 9);
    assert_string_equal(json_string_value(json_object_get(read, "na")), "{");
    assert_string_equal(json_string_value(json_object_get(read, "nh")), "");
    json_decref(read);
}

static void test_numbers(void **state)
{
    (void)state;
    json_open(&buf, '{');
    json_u64(&buf, "a", UINT64_MAX);
    json_ms(&buf, "b", 0);
    json_ms(&buf, "c", 7);
    json_ms(&buf, "d", 64000000);
    json_ms(&buf, "e", 1050);
    json_close(&buf, '}');
    assert_string_equal(strbuf_cstr(&buf),
                        "{\"a\":18446744073709551615,\"b\":0.000,\"c\":0.007,\"d\":64000.000,"
                        "\"e\":1.050}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commas_stand_where_they_are_due, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_texts_that_look_like_structure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
