/* The board of batches under way: what a process leaves, and who tells of it. */
#include "unit/store/unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/flight_board.h"

#define FIRST  ((pid_t)101) /* processes, as the board knows them */
#define SECOND ((pid_t)102)

static struct ledger_identity identity_of(uint64_t number)
{
    return (struct ledger_identity){.epoch = {1, 2, 3, 4, 5, 6, 7, 8}, .number = number};
}

static struct flight begin(struct flights *flights, uint64_t number, const char *record)
{
    struct ledger_identity identity = identity_of(number);
    return flights_begin(flights, &identity, SLICE("spring"), slice_cstr(record));
}

static struct flight find(const struct flights *flights, uint64_t number)
{
    struct ledger_identity identity = identity_of(number);
    return flights_find(flights, &identity, SLICE("spring"));
}

static int set_up(void **state)
{
    *state = flight_board_new();
    return 0;
}

static int tear_down(void **state)
{
    flight_board_free(*state);
    return 0;
}

static void test_each_event_is_told_once_and_in_its_order(void **state)
{
    struct flights *one = flights_new(*state, FIRST), *other = flights_new(*state, SECOND);
    struct flight flight = begin(one, 1, "record");
    assert_true(flight.place >= 0);
    assert_int_equal(find(other, 1).place, flight.place);
    assert_true(flights_tell(one, flight, 0));
    assert_false(flights_tell(other, flight, 0));
    assert_true(flights_tell(other, flight, 1));
    assert_false(flights_tell(one, flight, 1));
    assert_false(flights_tell(one, flight, 3)); /* 2 is next */
    flights_end(one, flight);
    assert_false(flights_tell(one, flight, 2));
    assert_int_equal(find(other, 1).place, -1);
    flights_free(one);
    flights_free(other);
}

/* Its place is another one's by then. */
static void test_one_that_has_ended_is_not_taken_for_the_next(void **state)
{
    struct flights *flights = flights_new(*state, FIRST);
    struct flight old = begin(flights, 1, "record");
    flights_end(flights, old);
    struct flight fresh = begin(flights, 2, "record");
    assert_int_equal(fresh.place, old.place);
    assert_false(flights_tell(flights, old, 0));
    flights_end(flights, old);
    assert_int_equal(find(flights, 2).place, fresh.place);
    flights_free(flights);
}

static void test_campaigns_and_numbers_differ(void **state)
{
    struct flights *flights = flights_new(*state, FIRST);
    struct ledger_identity identity = identity_of(1);
    struct flight spring = begin(flights, 1, "record");
    assert_int_equal(flights_find(flights, &identity, SLICE("autumn")).place, -1);
    assert_int_equal(find(flights, 2).place, -1);
    assert_int_equal(find(flights, 1).place, spring.place);
    flights_free(flights);
}

static unsigned count_left(struct flights *flights, const char *record)
{
    struct flight flight;
    struct slice text;
    unsigned at = 0, count = 0;
    while (flights_next_left(flights, &at, &flight, &text)) {
        assert_slice(text, record);
        count++;
    }
    return count;
}

static void test_what_an_ended_process_had_under_way_is_taken_over(void **state)
{
    struct flights *one = flights_new(*state, FIRST), *other = flights_new(*state, SECOND);
    struct flight flight;
    struct slice record;
    unsigned at = 0;
    (void)begin(one, 1, "under way");
    (void)begin(one, 2, ""); /* the spool has it */
    flights_end(one, begin(one, 3, "told"));
    assert_false(flights_take_over(other)); /* it lives */
    flight_board_release(*state, FIRST);
    assert_true(flights_take_over(other));
    assert_true(flights_next_left(other, &at, &flight, &record));
    assert_slice(record, "under way");
    assert_int_equal(flight.place, find(other, 1).place);
    flights_spooled(other, flight);
    assert_false(flights_next_left(other, &at, &flight, &record));
    flights_give_back(other);
    assert_false(flights_take_over(other));
    assert_true(find(other, 1).place >= 0); /* until it is told */
    assert_true(find(other, 2).place >= 0);
    flights_free(one);
    flights_free(other);
}

static void test_only_one_process_takes_it_over(void **state)
{
    struct flights *one = flights_new(*state, FIRST);
    (void)begin(one, 1, "record");
    flights_free(one); /* an orderly end leaves it, too */
    struct flights *second = flights_new(*state, SECOND), *third = flights_new(*state, 103);
    assert_true(flights_take_over(second));
    assert_false(flights_take_over(third));
    assert_int_equal(count_left(third, "record"), 0);
    flight_board_release(*state, SECOND); /* before it was through with it */
    assert_true(flights_take_over(third));
    assert_int_equal(count_left(third, "record"), 1);
    flights_free(second);
    flights_free(third);
}

static void test_what_the_disk_refused_comes_again(void **state)
{
    struct flights *flights = flights_new(*state, FIRST);
    struct flight refused = begin(flights, 1, "refused");
    (void)begin(flights, 2, "under way");
    assert_int_equal(count_left(flights, "refused"), 0);
    flights_leave(flights, refused);
    assert_int_equal(count_left(flights, "refused"), 1);
    flights_spooled(flights, refused);
    assert_int_equal(count_left(flights, "refused"), 0);
    flights_free(flights);
}

static void test_a_full_part_has_room_again(void **state)
{
    struct flights *one = flights_new(*state, FIRST), *other = flights_new(*state, SECOND);
    for (uint64_t i = 0; i < FLIGHTS_MAX; i++)
        assert_true(begin(one, i, "").place >= 0);
    assert_int_equal(begin(one, FLIGHTS_MAX, "").place, -1);
    assert_true(begin(other, FLIGHTS_MAX, "").place >= 0);
    flights_end(other, find(other, 7)); /* another process has told it */
    struct flight flight = begin(one, FLIGHTS_MAX + 1, "");
    assert_int_equal(flight.place % FLIGHTS_MAX, 7);
    flights_end(one, flight);
    for (uint64_t i = 0; i < FLIGHTS_MAX; i++)
        flights_end(one, find(one, i));
    for (uint64_t i = 0; i < FLIGHTS_MAX; i++)
        assert_true(begin(one, i, "").place >= 0);
    flights_free(one);
    flights_free(other);
}

/* Redis stood still for long: what is in the spool by then is not held up by it. */
static void test_live_batches_leave_room_for_replays(void **state)
{
    struct flights *one = flights_new(*state, FIRST), *other = flights_new(*state, SECOND);
    unsigned live = FLIGHTS_MAX - FLIGHTS_REPLAYED;
    for (uint64_t i = 0; i < live; i++) {
        assert_true(flights_has_room(one));
        struct flight flight = begin(one, i, "record");
        assert_true(flight.place >= 0);
        flights_spooled(one, flight);
    }
    assert_false(flights_has_room(one));
    for (uint64_t i = live; i < FLIGHTS_MAX; i++)
        assert_true(begin(one, i, "").place >= 0);
    for (uint64_t i = 0; i < FLIGHTS_REPLAYED; i++)
        flights_end(other, find(other, i));
    assert_false(flights_has_room(one));
    flights_end(other, find(other, FLIGHTS_REPLAYED));
    assert_true(flights_has_room(one));
    flights_free(one);
    flights_free(other);
}

static void test_records_make_room_when_they_are_spooled_or_told(void **state)
{
    struct flights *flights = flights_new(*state, FIRST);
    struct flight first[FLIGHT_RECORDS];
    for (uint64_t i = 0; i < FLIGHT_RECORDS; i++) {
        assert_true(flights_has_room(flights));
        first[i] = begin(flights, i, "record");
    }
    assert_false(flights_has_room(flights));
    assert_int_equal(begin(flights, 1000, "record").place, -1);
    assert_true(begin(flights, 1001, "").place >= 0);
    flights_spooled(flights, first[3]);
    flights_spooled(flights, first[3]);
    flights_end(flights, first[5]);
    flights_end(flights, first[5]);
    flights_leave(flights, first[7]);
    for (uint64_t i = 0; i < 2; i++) {
        assert_true(flights_has_room(flights));
        assert_true(begin(flights, 2000 + i, "record").place >= 0);
    }
    assert_false(flights_has_room(flights));
    flights_end(flights, first[3]); /* the spool has its record */
    flights_end(flights, first[7]);
    assert_true(flights_has_room(flights));
    assert_true(begin(flights, 3000, "record").place >= 0);
    assert_false(flights_has_room(flights));
    flights_free(flights);
}

/* Who has the part next finds the records of those that are open, and no other. */
static void test_a_part_is_had_again_with_what_is_open_in_it(void **state)
{
    struct flights *all[FLIGHT_PARTS];
    for (int i = 0; i < FLIGHT_PARTS; i++)
        all[i] = flights_new(*state, FIRST + i);
    (void)begin(all[0], 1, "");
    flights_free(all[0]);
    all[0] = flights_new(*state, FIRST); /* the only one that is free */
    assert_true(find(all[0], 1).place >= 0);
    for (uint64_t i = 0; i < FLIGHT_RECORDS; i++)
        assert_true(begin(all[0], 10 + i, "record").place >= 0);
    assert_int_equal(begin(all[0], 1000, "record").place, -1);
    for (int i = 0; i < FLIGHT_PARTS; i++)
        flights_free(all[i]);
}

/* The flights of a part that was left are told by and by, when the file of the spool is replayed.
 */
static void test_a_new_process_gets_an_empty_part(void **state)
{
    struct flights *one = flights_new(*state, FIRST);
    for (uint64_t i = 0; i < FLIGHTS_MAX; i++)
        assert_true(begin(one, i, "").place >= 0);
    flights_free(one);
    struct flights *other = flights_new(*state, SECOND);
    assert_true(begin(other, FLIGHTS_MAX, "record").place >= 0);
    flights_free(other);
}

static void test_a_record_that_is_too_long_is_not_there(void **state)
{
    static char text[FLIGHT_RECORD_MAX + 2];
    struct flights *flights = flights_new(*state, FIRST);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(begin(flights, 1, text).place, -1);
    text[FLIGHT_RECORD_MAX] = '\0';
    assert_true(begin(flights, 1, text).place >= 0);
    flights_free(flights);
}

static void test_more_processes_than_parts_do_without(void **state)
{
    struct flights *all[FLIGHT_PARTS], *more;
    for (int i = 0; i < FLIGHT_PARTS; i++)
        all[i] = flights_new(*state, FIRST + i);
    more = flights_new(*state, FIRST + FLIGHT_PARTS);
    assert_true(flights_has_room(more)); /* it sends all the same */
    assert_int_equal(begin(more, 1, "record").place, -1);
    assert_int_equal(count_left(more, ""), 0);
    flights_free(more);
    for (int i = 0; i < FLIGHT_PARTS; i++)
        flights_free(all[i]);
}

static void test_no_board_is_an_empty_one(void **state)
{
    (void)state;
    struct flight flight = begin(NULL, 1, "record");
    assert_int_equal(flight.place, -1);
    assert_int_equal(find(NULL, 1).place, -1);
    assert_false(flights_take_over(NULL));
    assert_int_equal(count_left(NULL, ""), 0);
    flights_spooled(NULL, flight);
    flights_leave(NULL, flight);
    flights_end(NULL, flight);
    flights_give_back(NULL);
    flights_free(NULL);
}

_Noreturn static void begin_and_die(struct flight_board *board)
{
    struct flights *flights = flights_new(board, getpid());
    for (uint64_t i = 0; i < 10; i++)
        (void)begin(flights, i, "record");
    (void)raise(SIGKILL);
    _exit(1);
}

static void test_a_killed_process_leaves_all_it_had(void **state)
{
    struct flights *flights = flights_new(*state, getpid());
    pid_t child = fork();
    if (child == 0)
        begin_and_die(*state);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(flights_take_over(flights));
    flight_board_release(*state, child);
    assert_true(flights_take_over(flights));
    assert_int_equal(count_left(flights, "record"), 10);
    flights_free(flights);
}

#define ON_BOARD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_BOARD(test_each_event_is_told_once_and_in_its_order),
        ON_BOARD(test_one_that_has_ended_is_not_taken_for_the_next),
        ON_BOARD(test_campaigns_and_numbers_differ),
        ON_BOARD(test_what_an_ended_process_had_under_way_is_taken_over),
        ON_BOARD(test_only_one_process_takes_it_over),
        ON_BOARD(test_what_the_disk_refused_comes_again),
        ON_BOARD(test_a_full_part_has_room_again),
        ON_BOARD(test_live_batches_leave_room_for_replays),
        ON_BOARD(test_records_make_room_when_they_are_spooled_or_told),
        ON_BOARD(test_a_part_is_had_again_with_what_is_open_in_it),
        ON_BOARD(test_a_new_process_gets_an_empty_part),
        ON_BOARD(test_a_record_that_is_too_long_is_not_there),
        ON_BOARD(test_more_processes_than_parts_do_without),
        cmocka_unit_test(test_no_board_is_an_empty_one),
        ON_BOARD(test_a_killed_process_leaves_all_it_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
