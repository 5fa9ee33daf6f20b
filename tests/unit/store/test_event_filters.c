#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/event_filters.h"

/* The words in Redis and those in /stats are the same, and no two reasons share one. */
static void every_reason_has_its_word_and_its_counter(void **state)
{
    (void)state;
    assert_int_equal(event_filter_rows[EVENT_COUNTS].counter, COUNTER_EVENT_COUNTED);
    assert_string_equal(event_filter_rows[EVENT_COUNTS].word, "");
    for (unsigned i = EVENT_COUNTS + 1; i < EVENT_FILTER_COUNT; i++) {
        const struct event_filter_row *row = &event_filter_rows[i];
        assert_string_equal(metrics_counter_rows[row->counter].family, "events");
        assert_string_equal(metrics_counter_rows[row->counter].label, row->word);
        assert_true(strlen(row->help) > 0);
        for (unsigned other = EVENT_COUNTS; other < i; other++)
            assert_string_not_equal(row->word, event_filter_rows[other].word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_has_its_word_and_its_counter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
