/* What batches are known by: numbers of a campaign in an epoch. */
#include "unit/store/unit.h"

#include <string.h>

#include "store/ledger_identity.h"

static int set_up(void **state)
{
    *state = ledger_epoch_new();
    return 0;
}

static int tear_down(void **state)
{
    ledger_epoch_free(*state);
    return 0;
}

static struct ledger_identity next_of(void **state, const char *campaign)
{
    return ledger_epoch_next(*state, slice_cstr(campaign));
}

static bool same_epoch(const struct ledger_identity *a, const struct ledger_identity *b)
{
    return memcmp(a->epoch, b->epoch, sizeof a->epoch) == 0;
}

static void test_each_campaign_has_numbers_of_its_own(void **state)
{
    struct ledger_identity first = next_of(state, "spring");
    assert_int_equal(first.number, 1);
    assert_int_equal(next_of(state, "spring").number, 2);
    assert_int_equal(next_of(state, "autumn").number, 1);
    struct ledger_identity third = next_of(state, "spring");
    assert_int_equal(third.number, 3);
    assert_true(same_epoch(&first, &third));
}

static void test_another_process_has_other_epochs(void **state)
{
    struct ledger_epoch *other = ledger_epoch_new();
    struct ledger_identity ours = next_of(state, "spring");
    struct ledger_identity theirs = ledger_epoch_next(other, SLICE("spring"));
    assert_false(same_epoch(&ours, &theirs));
    ledger_epoch_free(other);
}

static void test_one_that_ends_is_followed_by_another(void **state)
{
    struct ledger_identity failed = next_of(state, "spring");
    ledger_epoch_end(*state, &failed);
    struct ledger_identity next = next_of(state, "spring");
    assert_false(same_epoch(&failed, &next));
    assert_int_equal(next.number, 1);
    ledger_epoch_end(*state, &failed); /* it has ended already */
    struct ledger_identity second = next_of(state, "spring");
    assert_true(same_epoch(&second, &next));
    assert_int_equal(second.number, 2);
}

static void test_what_is_settled_is_taken_up_again(void **state)
{
    struct ledger_identity done = next_of(state, "spring"), failed = next_of(state, "autumn");
    ledger_epoch_settled(*state, &done);
    ledger_epoch_end(*state, &failed);
    struct ledger_identity meanwhile = next_of(state, "spring");
    ledger_epoch_settled(*state, &failed);
    ledger_epoch_end(*state, &meanwhile);
    struct ledger_identity again = next_of(state, "spring");
    assert_true(same_epoch(&again, &done));
    assert_int_equal(again.number, 2); /* where it was left */
    assert_int_equal(next_of(state, "autumn").number, 2);
}

/* It may never come, and what came behind it would have to wait for that to be known. */
static void test_what_is_not_settled_is_never_taken_up(void **state)
{
    struct ledger_identity open = next_of(state, "spring"), last = open;
    for (unsigned i = 0; i < 10 * LEDGER_EPOCHS_KEPT; i++) {
        ledger_epoch_end(*state, &last);
        last = next_of(state, "spring");
        assert_false(same_epoch(&last, &open));
        if (i > 0)
            ledger_epoch_settled(*state, &last);
    }
}

static void test_there_are_but_few_where_all_is_settled(void **state)
{
    uint8_t names[LEDGER_EPOCHS_KEPT][LEDGER_EPOCH_BYTES];
    unsigned count = 0;
    for (unsigned i = 0; i < 1000; i++) {
        struct ledger_identity failed = next_of(state, "spring");
        unsigned known = 0;
        while (known < count && memcmp(names[known], failed.epoch, sizeof failed.epoch) != 0)
            known++;
        assert_true(known < LEDGER_EPOCHS_KEPT);
        if (known == count)
            memcpy(names[count++], failed.epoch, sizeof failed.epoch);
        ledger_epoch_end(*state, &failed);
        ledger_epoch_settled(*state, &failed);
    }
    assert_int_equal(count, 2);
}

static void test_settled_of_others_is_nothing_of_ours(void **state)
{
    struct ledger_epoch *other = ledger_epoch_new();
    struct ledger_identity ours = next_of(state, "spring");
    struct ledger_identity theirs = ledger_epoch_next(other, SLICE("spring"));
    ledger_epoch_end(*state, &ours);
    ledger_epoch_settled(*state, &theirs);
    struct ledger_identity next = next_of(state, "spring");
    ledger_epoch_end(*state, &next);
    struct ledger_identity third = next_of(state, "spring");
    assert_false(same_epoch(&third, &ours));
    ledger_epoch_free(other);
}

#define WITH_EPOCH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EPOCH(test_each_campaign_has_numbers_of_its_own),
        WITH_EPOCH(test_another_process_has_other_epochs),
        WITH_EPOCH(test_one_that_ends_is_followed_by_another),
        WITH_EPOCH(test_what_is_settled_is_taken_up_again),
        WITH_EPOCH(test_what_is_not_settled_is_never_taken_up),
        WITH_EPOCH(test_there_are_but_few_where_all_is_settled),
        WITH_EPOCH(test_settled_of_others_is_nothing_of_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
