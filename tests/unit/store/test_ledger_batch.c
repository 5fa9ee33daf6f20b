/* Batches of events as bytes: what is written is read back, and nothing else is read. */
#include "unit/store/unit.h"

#include "base/random.h"
#include "store/ledger_batch.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";

static struct slice random_text(struct random *random, char *to, size_t max)
{
    size_t len = random_below(random, max + 1);
    for (size_t i = 0; i < len; i++)
        to[i] = letters[random_below(random, sizeof letters - 1)];
    return slice_of(to, len);
}

struct made {
    struct ledger_event event;
    char creative[ID_MAX], slot[ID_MAX], order[CONVERSION_ORDER_MAX];
};

static void make_conversion(struct random *random, struct made *made)
{
    static const struct slice currencies[] = {SLICE_INIT(""), SLICE_INIT("EUR"), SLICE_INIT("JPY")};
    struct conversion *conversion = &made->event.conversion;
    conversion->currency = currencies[random_below(random, 3)];
    conversion->order = random_text(random, made->order, CONVERSION_ORDER_MAX);
    conversion->value_micro =
        conversion->currency.len
            ? (int64_t)random_below(random, (uint64_t)CONVERSION_VALUE_MAX_MICRO + 1)
            : 0;
}

static void make_event(struct random *random, struct made *made)
{
    struct ledger_event *event = &made->event;
    *event = (struct ledger_event){
        .kind = (enum event_kind)random_below(random, EVENT_KIND_COUNT),
        .filter = (enum event_filter)random_below(random, EVENT_FILTER_COUNT),
        .creative = random_text(random, made->creative, ID_MAX),
        .slot = random_text(random, made->slot, ID_MAX),
        .issued_ms = (int64_t)random_below(random, INT64_C(1) << 40),
        .now_us = (int64_t)random_below(random, INT64_C(1) << 50),
    };
    for (unsigned i = 0; i < IMPRESSION_BYTES; i++)
        event->impression[i] = (uint8_t)random_u64(random);
    event->converts = event->kind == EVENT_CLICK && random_below(random, 2);
    if (event->kind == EVENT_CONVERSION)
        make_conversion(random, made);
}

static void assert_same(const struct ledger_event *a, const struct ledger_event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->filter, b->filter);
    assert_true(slice_eq(a->creative, b->creative));
    assert_true(slice_eq(a->slot, b->slot));
    assert_memory_equal(a->impression, b->impression, IMPRESSION_BYTES);
    assert_true(a->issued_ms == b->issued_ms && a->now_us == b->now_us);
    assert_int_equal(a->converts, b->converts);
    assert_true(a->conversion.value_micro == b->conversion.value_micro);
    assert_true(slice_eq(a->conversion.currency, b->conversion.currency));
    assert_true(slice_eq(a->conversion.order, b->conversion.order));
}

static void what_is_written_is_read_back(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 1);
    for (unsigned round = 0; round < 200; round++) {
        struct made made[LEDGER_BATCH_EVENTS];
        struct ledger_identity identity = {.number = random_u64(&random)};
        struct ledger_batch back;
        struct strbuf record;
        unsigned count = 1 + (unsigned)random_below(&random, LEDGER_BATCH_EVENTS);
        strbuf_init(&record, LEDGER_BATCH_BYTES);
        ledger_batch_begin(&record, SLICE("spring"));
        for (unsigned i = 0; i < count; i++) {
            make_event(&random, &made[i]);
            ledger_batch_add(&record, &made[i].event);
        }
        ledger_batch_identify(&record, &identity);
        ledger_batch_board(&record, count % 2 == 0);
        assert_true(ledger_batch_read(strbuf_slice(&record), &back));
        assert_int_equal(back.boarded, count % 2 == 0);
        assert_int_equal(back.count, count);
        assert_true(back.identity.number == identity.number);
        for (unsigned i = 0; i < count; i++)
            assert_same(&back.events[i], &made[i].event);
        strbuf_release(&record);
    }
}

static void the_longest_fits(void **state)
{
    char text[ID_MAX];
    struct ledger_batch back;
    struct strbuf record;
    (void)state;
    memset(text, 'a', sizeof text);
    struct slice longest = slice_of(text, sizeof text);
    const struct ledger_event event = {
        .kind = EVENT_CONVERSION,
        .filter = EVENT_IS_NO_IMPRESSION,
        .creative = longest,
        .slot = longest,
        .conversion = {CONVERSION_VALUE_MAX_MICRO, SLICE_INIT("EUR"), longest},
    };
    strbuf_init(&record, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&record, longest);
    for (unsigned i = 0; i < LEDGER_BATCH_EVENTS; i++)
        ledger_batch_add(&record, &event);
    assert_true(record.len <= UINT16_MAX);
    assert_true(ledger_batch_read(strbuf_slice(&record), &back));
    assert_int_equal(back.count, LEDGER_BATCH_EVENTS);
    strbuf_release(&record);
}

/* An event before conversions were known, byte by byte: a spool of an older server stays good. */
static void an_older_record_is_read(void **state)
{
    static const char record[] = "\x01"
                                 "epoch678"
                                 "\0\0\0\0\0\0\0\x07"
                                 "\x06spring"
                                 "\x02"
                                 "\0\0\0\0\0\0\0\x09"
                                 "\0\0\0\0\0\0\0\x08"
                                 "0123456789abcdef"
                                 "\x01"
                                 "c"
                                 "\x01"
                                 "s"
                                 "\0";
    struct ledger_batch back;
    (void)state;
    assert_true(ledger_batch_read(slice_of(record, sizeof record - 1), &back));
    assert_false(back.boarded);
    assert_int_equal(back.count, 1);
    assert_int_equal(back.events[0].kind, EVENT_CLICK);
    assert_false(back.events[0].converts);
    assert_int_equal(back.events[0].now_us, 9);
    assert_int_equal(back.events[0].issued_ms, 8);
    assert_slice(back.events[0].creative, "c");
}

static void what_is_cut_or_longer_is_refused(void **state)
{
    const struct ledger_event event = {
        .kind = EVENT_CONVERSION,
        .creative = SLICE("spring-970"),
        .slot = SLICE("header"),
        .conversion = {1000000, SLICE_INIT("EUR"), SLICE_INIT("A-1")},
    };
    struct ledger_batch back;
    struct strbuf record;
    (void)state;
    strbuf_init(&record, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&record, SLICE("spring"));
    ledger_batch_add(&record, &event);
    for (size_t len = 0; len < record.len; len++)
        assert_false(ledger_batch_read(slice_of(record.ptr, len), &back));
    assert_true(ledger_batch_read(strbuf_slice(&record), &back));
    strbuf_add_char(&record, '\0');
    assert_false(ledger_batch_read(strbuf_slice(&record), &back));
    strbuf_release(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(an_older_record_is_read),
        cmocka_unit_test(what_is_cut_or_longer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
