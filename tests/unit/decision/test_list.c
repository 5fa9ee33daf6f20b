#include "decision/list.h"

#include "decision/text.h"
#include "unit.h"

static const struct list_form hosts = {"a host", host_is_valid, true};
static const struct list_form labels = {"a label", label_is_valid, false};

static void test_items_are_trimmed_and_sorted(void **state)
{
    struct arena *arena = arena_new(0);
    struct slice_list list;
    struct err err;
    (void)state;
    assert_true(
        list_parse(SLICE("b.example, a.example ,\t!z.example"), &hosts, arena, &list, &err));
    assert_int_equal(list.count, 3);
    assert_slice(list.item[0], "!z.example");
    assert_slice(list.item[1], "a.example");
    assert_slice(list.item[2], "b.example");
    arena_free(arena);
}

static void test_the_list_is_a_copy(void **state)
{
    char text[] = "a.example";
    struct arena *arena = arena_new(0);
    struct slice_list list;
    struct err err;
    (void)state;
    assert_true(list_parse(slice_cstr(text), &hosts, arena, &list, &err));
    text[0] = 'x';
    assert_slice(list.item[0], "a.example");
    arena_free(arena);
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text, *wrong;
        const struct list_form *form;
    } rows[] = {
        {"a,,b", "item 2 of the list is empty", &hosts},
        {",a", "item 1 of the list is empty", &hosts},
        {"a,", "item 2 of the list is empty", &hosts},
        {" ", "item 1 of the list is empty", &hosts},
        {"a,b,a", "\"a\" stands in the list twice", &hosts},
        {"!a,!a", "\"!a\" stands in the list twice", &hosts},
        {"a,B", "\"B\" is not a host", &hosts},
        {"!", "\"!\" is not a host", &hosts},
        {"!!a", "\"!!a\" is not a host", &hosts},
        {"! a", "\"! a\" is not a host", &hosts},
        {"!a", "\"!a\" is not a label", &labels},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {"", ""};
        assert_false(list_parse(slice_cstr(rows[i].text), rows[i].form, NULL, NULL, &err));
        assert_string_equal(err.text, rows[i].wrong);
    }
}

static void test_the_count_is_limited(void **state)
{
    char text[(LIST_MAX + 1) * 4];
    size_t len = 0;
    struct err err;
    (void)state;
    for (unsigned i = 0; i <= LIST_MAX; i++) {
        const char digits[] = {'a', (char)('a' + i / 26 % 26), (char)('a' + i % 26), ','};
        memcpy(text + len, digits, sizeof digits);
        len += sizeof digits;
    }
    assert_true(list_parse(slice_of(text, len - 5), &hosts, NULL, NULL, &err));
    assert_false(list_parse(slice_of(text, len - 1), &hosts, NULL, NULL, &err));
    assert_string_equal(err.text, "the list has more than 256 items");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_trimmed_and_sorted),
        cmocka_unit_test(test_the_list_is_a_copy),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_the_count_is_limited),
    };
    return cmocka_run_group_tests_name("decision/list", tests, NULL, NULL);
}
