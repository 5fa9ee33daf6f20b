#include "unit/ctl/unit.h"

static void test_each_is_told_with_its_place(void **state)
{
    struct mistakes mistakes = {NULL, 0};
    (void)state;
    assert_mistakes(&mistakes, "");
    assert_false(mistakes_addf(&mistakes, "slots[0].id", "it is %s", "missing"));
    assert_false(mistakes_addf(&mistakes, "", "no place"));
    assert_mistakes(&mistakes, "adctl: slots[0].id: it is missing\nadctl: no place\n");
    mistakes_release(&mistakes);
    assert_int_equal(mistakes.count, 0);
}

static void test_a_place_is_told_once(void **state)
{
    struct mistakes mistakes = {NULL, 0};
    (void)state;
    assert_false(mistakes_addf(&mistakes, "a", "first"));
    assert_false(mistakes_addf(&mistakes, "a", "second"));
    assert_false(mistakes_addf(&mistakes, "", "first"));
    assert_false(mistakes_addf(&mistakes, "", "second"));
    assert_int_equal(mistakes.count, 3);
    assert_mistakes(&mistakes, "adctl: a: first\nadctl: first\nadctl: second\n");
    mistakes_release(&mistakes);
}

static void test_more_than_a_hundred_are_counted(void **state)
{
    struct mistakes mistakes = {NULL, 0};
    struct printed printed;
    (void)state;
    for (int i = 0; i < MISTAKES_MAX + 23; i++) {
        char where[32];
        (void)snprintf(where, sizeof where, "slots[%d]", i);
        assert_false(mistakes_addf(&mistakes, where, "wrong"));
    }
    printed_begin(&printed);
    mistakes_print(&mistakes, printed.to);
    assert_non_null(strstr(printed_text(&printed), "adctl: slots[99]: wrong\n"));
    assert_null(strstr(printed_text(&printed), "slots[100]"));
    assert_non_null(strstr(printed_text(&printed), "adctl: and 23 more mistakes\n"));
    printed_end(&printed);
    mistakes_release(&mistakes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_told_with_its_place),
        cmocka_unit_test(test_a_place_is_told_once),
        cmocka_unit_test(test_more_than_a_hundred_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
