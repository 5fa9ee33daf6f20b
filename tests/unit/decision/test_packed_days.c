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
    return item;
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
        cmocka_unit_test_setup_teardown(a_month_that_is_cut_is_broken, setup, teardown),
        cmocka_unit_test(other_bytes_are_broken),
    };
    return cmocka_run_group_tests_name("packed_days", tests, NULL, NULL);
}
