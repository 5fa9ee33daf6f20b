#include "unit/decision/unit.h"

#include "decision/packed_days.h"

struct month {
    struct strbuf bytes;
};

static int setup(void **state)
{
    static struct month month;
    strbuf_init(&month.bytes, PACKED_RUN_MAX);
    packed_add_head(&month.bytes);
    *state = &month;
    return 0;
}

static int teardown(void **state)
{
    strbuf_release(&((struct month *)*state)->bytes);
    return 0;
}

static enum packed_item next(struct packed_reader *reader, struct packed_entry *ret)
{
    return packed_next(reader, ret);
}

static void what_was_packed_comes_back(void **state)
{
    struct strbuf *to = &((struct month *)*state)->bytes;
    int64_t first[PACKED_HOURS] = {[0] = 1, [5] = PACKED_NUMBER_MAX}, second[PACKED_HOURS];
    int64_t read[PACKED_HOURS];
    struct packed_reader reader;
    struct packed_entry entry;
    for (unsigned i = 0; i < PACKED_HOURS; i++)
        second[i] = 127 + i;
    packed_add_field(to, SLICE("a|header|serves"));
    packed_add_day(to, 1, 1);
    packed_add_hours(to, 0, first);
    packed_add_field(to, SLICE("a|header|clicks"));
    packed_add_day(to, 31, 2);
    packed_add_hours(to, 1, second);
    packed_add_hours(to, 0, second);

    packed_begin(&reader, strbuf_slice(to));
    assert_int_equal(next(&reader, &entry), PACKED_FIELD);
    assert_slice(entry.name, "a|header|serves");
    assert_int_equal(next(&reader, &entry), PACKED_ENTRY);
    assert_int_equal(entry.day, 1);
    assert_true(entry.sum == PACKED_NUMBER_MAX + 1);
    assert_true(packed_hours(&entry, read));
    assert_memory_equal(read, first, sizeof first);
    assert_int_equal(next(&reader, &entry), PACKED_FIELD);
    assert_int_equal(next(&reader, &entry), PACKED_ENTRY);
    assert_int_equal(entry.field, 1);
    assert_int_equal(entry.day, 31);
    assert_true(packed_hours(&entry, read));
    assert_memory_equal(read, second, sizeof second);
    assert_int_equal(next(&reader, &entry), PACKED_ENTRY);
    assert_int_equal(entry.field, 0);
    assert_int_equal(next(&reader, &entry), PACKED_END);
}

static void nothing_is_a_month_without_days(void **state)
{
    struct packed_reader reader;
    struct packed_entry entry;
    (void)state;
    packed_begin(&reader, slice_of(NULL, 0));
    assert_int_equal(packed_next(&reader, &entry), PACKED_END);
}

/* What adding up ends with. */
static enum packed_item sum_of_hours(struct slice bytes)
{
    static const uint32_t places[PACKED_HOURS];
    packed_total total = 0;
    packed_total *totals[] = {&total, &total};
    struct packed_reader reader;
    struct packed_entry entry;
    enum packed_item item;
    packed_begin(&reader, bytes);
    while ((item = packed_next_part(&reader, &entry)) != PACKED_END && item != PACKED_BROKEN) {
        if (item == PACKED_DAY && !packed_sum_hours(&reader, totals, places, 0))
            return PACKED_BROKEN;
    }
    assert_true(total == 0);
    return item;
}

static enum packed_item last_item(struct slice bytes)
{
    struct packed_reader reader;
    struct packed_entry entry;
    int64_t hours[PACKED_HOURS];
    enum packed_item item;
    packed_begin(&reader, bytes);
    do {
        item = packed_next(&reader, &entry);
        if (item == PACKED_ENTRY && !packed_hours(&entry, hours))
            return PACKED_BROKEN;
    } while (item == PACKED_FIELD || item == PACKED_ENTRY);
    assert_int_equal(sum_of_hours(bytes), item);
    return item;
}

/* Two days of two fields; `run` is 0 for their sums or 1 for a quarter. */
static void pack_days(struct strbuf *to, unsigned run)
{
    static const int64_t hours[][PACKED_HOURS] = {
        {1, 2, 3, 4, 5, 127}, {[2] = 1}, {128, 0, 70000, 1, 1, PACKED_NUMBER_MAX}, {[5] = 9}};
    packed_add_field(to, SLICE("a|header|serves"));
    packed_add_field(to, SLICE("a|header|clicks"));
    for (unsigned i = 0; i < 4; i++) {
        int64_t sum = 0;
        for (unsigned hour = 0; hour < PACKED_HOURS; hour++)
            sum += hours[i][hour];
        if (i % 2 == 0)
            packed_add_day(to, 1 + i / 2, 2);
        if (run == 0)
            packed_add_sum(to, i % 2, sum);
        else
            packed_add_hours(to, i % 2, hours[i]);
    }
}

static void what_is_added_up_is_what_entries_say(void **state)
{
    static const uint32_t places[2][PACKED_HOURS] = {{0, 1, 2, 3, 4, 5}, {6, 7, 8, 9, 9, 9}};
    struct strbuf *to = &((struct month *)*state)->bytes;
    packed_total first[11] = {0}, second[11] = {0};
    packed_total *totals[] = {first, second};
    struct packed_reader reader;
    struct packed_entry entry;
    pack_days(to, 1);
    packed_begin(&reader, strbuf_slice(to));
    for (unsigned field = 0; field < 2; field++)
        assert_int_equal(packed_next_part(&reader, &entry), PACKED_FIELD);
    for (unsigned day = 1; day <= 2; day++) {
        assert_int_equal(packed_next_part(&reader, &entry), PACKED_DAY);
        assert_int_equal(entry.day, day);
        assert_true(packed_sum_hours(&reader, totals, places[day - 1], 10));
    }
    assert_int_equal(packed_next_part(&reader, &entry), PACKED_END);
    for (unsigned i = 0; i < 5; i++)
        assert_true(first[i] == i + 1);
    assert_true(first[5] == 127 && first[6] == 128 && first[7] == 0 && first[8] == 70000);
    assert_true(first[9] == (packed_total)PACKED_NUMBER_MAX + 2);
    assert_true(first[10] == -(packed_total)(142 + 128 + 70000 + 2) - PACKED_NUMBER_MAX);
    assert_true(second[2] == 1 && second[9] == 9 && second[10] == -10);
}

/* Beyond 64 bits, and one of the fields not asked for. */
static void days_add_up_to_any_size(void **state)
{
    struct strbuf *to = &((struct month *)*state)->bytes;
    const int64_t most = 24 * PACKED_NUMBER_MAX;
    packed_total first[2] = {0};
    packed_total *totals[] = {first, NULL};
    struct packed_reader reader;
    struct packed_entry entry;
    enum packed_item item;
    packed_add_field(to, SLICE("a|header|serves"));
    packed_add_field(to, SLICE("a|header|clicks"));
    for (unsigned i = 0; i < 1000; i++) {
        packed_add_day(to, 1 + i % 31, 2);
        packed_add_sum(to, 1, 5);
        packed_add_sum(to, 0, most);
    }
    packed_begin(&reader, strbuf_slice(to));
    while ((item = packed_next_part(&reader, &entry)) != PACKED_END) {
        assert_int_not_equal(item, PACKED_BROKEN);
        assert_true(item == PACKED_FIELD || packed_sum_day(&reader, totals, 1));
    }
    assert_true(first[0] == 0 && first[1] == (packed_total)1000 * most);
}

/* Cut anywhere but between its parts it is broken, and no byte past its end is read. */
static void a_month_that_is_cut_is_broken(void **state)
{
    struct strbuf *to = &((struct month *)*state)->bytes;
    const int64_t hours[PACKED_HOURS] = {[3] = 300, [5] = 7};
    size_t whole[] = {0, 2, 0, 0}; /* lengths at which it is whole */
    packed_add_field(to, SLICE("a|header|serves"));
    whole[2] = to->len;
    packed_add_day(to, 9, 1);
    packed_add_hours(to, 0, hours);
    whole[3] = to->len;
    for (size_t len = 0; len <= to->len; len++) {
        bool good = false;
        for (unsigned i = 0; i < 4; i++)
            good = good || len == whole[i];
        assert_int_equal(last_item(slice_of(to->ptr, len)), good ? PACKED_END : PACKED_BROKEN);
    }
}

static void other_bytes_are_broken(void **state)
{
    static const struct slice bad[] = {
        SLICE_INIT("M2"),                                          /* another form */
        SLICE_INIT("M1\x20"),                                      /* the 32nd */
        SLICE_INIT("M1\x01\x01\x00\x03\x01\x01\x01"),              /* a field that has no name */
        SLICE_INIT("M1\x00\x00"),                                  /* a name of no bytes */
        SLICE_INIT("M1\x00\x01x\x01\x00"),                         /* a day without entries */
        SLICE_INIT("M1\x00\x01x\x01\x01\x00\x03\x02\x01\x01"),     /* another sum */
        SLICE_INIT("M1\x00\x01x\x01\x01\x00\x04\x01\x01\x01\x01"), /* a number too many */
        SLICE_INIT("M1\x00\x01x\x01\x01\x00\x03\x01\x40\x01"),     /* a seventh hour */
        SLICE_INIT("M1\x00\x01x\x01\x01\x00\x01\x01"),             /* a sum alone */
        SLICE_INIT("M1\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(last_item(bad[i]), PACKED_BROKEN);
    assert_int_equal(last_item(SLICE("M1\x00\x01x\x01\x01\x00\x03\x01\x01\x01")), PACKED_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_packed_comes_back, setup, teardown),
        cmocka_unit_test(nothing_is_a_month_without_days),
        cmocka_unit_test_setup_teardown(what_is_added_up_is_what_entries_say, setup, teardown),
        cmocka_unit_test_setup_teardown(days_add_up_to_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(a_month_that_is_cut_is_broken, setup, teardown),
        cmocka_unit_test(other_bytes_are_broken),
    };
    return cmocka_run_group_tests_name("packed_days", tests, NULL, NULL);
}
