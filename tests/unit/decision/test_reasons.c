#include "decision/reasons.h"

#include "unit.h"

/* The words that other people's dashboards know. */
static const char *const words[] = {
    "inactive", "not_started", "ended",   "slot",      "size",       "country",  "region",
    "device",   "browser",     "os",      "language",  "domain",     "path",     "referrer",
    "keyword",  "kv",          "hours",   "no_viewer", "cap",        "goal_met", "budget_spent",
    "paced",    "exclusion",   "on_page", "roadblock", "redis_away", "deadline", "outweighed",
};

static void test_each_promised_word_is_there(void **state)
{
    (void)state;
    assert_int_equal(sizeof words / sizeof *words, REASON_COUNT);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        unsigned found = 0;
        for (unsigned r = 0; r < REASON_COUNT; r++)
            found += slice_eq(slice_cstr(reason_rows[r].word), slice_cstr(words[i]));
        assert_int_equal(found, 1);
    }
}

static void test_each_row_says_what_it_means(void **state)
{
    (void)state;
    for (unsigned r = 0; r < REASON_COUNT; r++)
        assert_true(strlen(reason_rows[r].help) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_promised_word_is_there),
        cmocka_unit_test(test_each_row_says_what_it_means),
    };
    return cmocka_run_group_tests_name("decision/reasons", tests, NULL, NULL);
}
