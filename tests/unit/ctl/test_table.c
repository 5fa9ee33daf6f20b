#include <stdlib.h>

#include "ctl/table.h"
#include "unit/ctl/unit.h"

static const char *const heads[] = {"id", "status", "name"};

static void check_printed(const struct table *table, const char *expected)
{
    struct printed printed;
    printed_begin(&printed);
    table_print(table, "  ", printed.to);
    assert_string_equal(printed_text(&printed), expected);
    printed_end(&printed);
}

static void test_no_rows(void **state)
{
    (void)state;
    check_printed(table_new(arena, heads, 3, 0), "  id  status  name\n");
}

static void test_columns_are_as_wide_as_their_widest_cell(void **state)
{
    struct table *table = table_new(arena, heads, 3, 2);
    (void)state;
    table_add(table, SLICE("frühling"));
    table_add(table, SLICE("active"));
    table_add(table, SLICE("Früh"));
    table_add(table, SLICE("b"));
    table_add(table, SLICE(""));
    table_add(table, SLICE(""));
    check_printed(table, "  id        status  name\n"
                         "  frühling  active  Früh\n"
                         "  b         -       -\n");
}

static void test_cells_are_one_line_and_cut(void **state)
{
    struct table *table = table_new(arena, heads, 2, 1);
    char wide[TABLE_CELL_MAX + 2];
    struct printed printed;
    (void)state;
    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    table_add(table, slice_cstr(wide));
    table_add(table, SLICE("a\nb\033"));
    printed_begin(&printed);
    table_print(table, "", printed.to);
    assert_non_null(strstr(printed_text(&printed), "ww… (61 bytes)  a\\nb\\x1b\n"));
    printed_end(&printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(test_cells_are_one_line_and_cut),
    };
    return cmocka_run_group_tests(tests, set_up_arena, tear_down_arena);
}
