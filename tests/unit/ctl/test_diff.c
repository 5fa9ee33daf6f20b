#include <stdlib.h>

#include "ctl/diff.h"
#include "unit/ctl/unit.h"

static void check_diff(const struct change *item, unsigned count, const char *expected)
{
    const struct changes changes = {(struct change *)(uintptr_t)item, count};
    struct printed printed;
    printed_begin(&printed);
    diff_print(&changes, printed.to);
    assert_string_equal(printed_text(&printed), expected);
    printed_end(&printed);
}

static void test_nothing(void **state)
{
    (void)state;
    check_diff(NULL, 0, "nothing changes\n");
}

static void test_new_changed_deleted(void **state)
{
    const struct change changes[] = {
        {make_absent(RECORD_SLOT, "header"),
         make_entry(RECORD_SLOT, "header", FIELDS("name", "Header", "sizes", "970x250,728x90"))},
        {make_entry(RECORD_CAMPAIGN, "spring", FIELDS("weight", "1", "slots", "*", "cpm", "4.5")),
         make_entry(RECORD_CAMPAIGN, "spring",
                    FIELDS("weight", "3", "slots", "*", "caps", "1/1d"))},
        {make_entry(RECORD_CREATIVE, "old", FIELDS("type", "text")), NULL},
    };
    (void)state;
    check_diff(changes, 3,
               "+ slot header\n"
               "    name: Header\n"
               "    sizes: 970x250,728x90\n"
               "~ campaign spring\n"
               "    weight: 1 → 3\n"
               "    caps: (none) → 1/1d\n"
               "    cpm: 4.5 → (none)\n"
               "- creative old\n"
               "1 new, 1 changed, 1 deleted\n");
}

static void test_an_entry_that_was_not_in_its_set(void **state)
{
    struct entry *before = make_entry(RECORD_SLOT, "header", FIELDS("name", "Header"));
    const struct change change = {before, make_entry(RECORD_SLOT, "header", FIELDS("name", "Top"))};
    (void)state;
    before->listed = false;
    check_diff(&change, 1,
               "+ slot header\n"
               "    name: Header → Top\n"
               "    its fields were there, but no server saw them: it was not in the set\n"
               "1 new\n");
}

static void test_foreign_bytes_are_escaped_and_long_values_cut(void **state)
{
    char wide[301];
    (void)state;
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    const struct change change = {
        make_entry(RECORD_SLOT, "header", FIELDS("name", "a\n+ slot forged\033[2J")),
        make_entry(RECORD_SLOT, "header", FIELDS("name", wide))};
    struct printed printed;
    const struct changes changes = {(struct change *)(uintptr_t)&change, 1};
    printed_begin(&printed);
    diff_print(&changes, printed.to);
    assert_non_null(strstr(printed_text(&printed), "    name: a\\n+ slot forged\\x1b[2J → wwwww"));
    assert_non_null(strstr(printed_text(&printed), "w… (300 bytes)\n"));
    printed_end(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_new_changed_deleted),
        cmocka_unit_test(test_an_entry_that_was_not_in_its_set),
        cmocka_unit_test(test_foreign_bytes_are_escaped_and_long_values_cut),
    };
    return cmocka_run_group_tests(tests, set_up_arena, tear_down_arena);
}
