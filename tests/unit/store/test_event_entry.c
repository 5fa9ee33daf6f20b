#include "unit/store/unit.h"

#include <stdio.h>

#include "base/strbuf.h"
#include "store/event_entry.h"
#include "store/redis_reply.h"

#define MAX_BYTES ((size_t)65536)

/* A good entry, in the order of event_entry.def. */
static const char *const good[EVENT_FIELD_COUNT] = {
    "impression",    "counted",       "0",   "spring-970", "header", "AAAAAAAAAAAAAAAAAAAAAQ",
    "1795828384000", "1795828385000", "1234"};

static void add_text(struct strbuf *to, const char *text)
{
    strbuf_addf(to, "$%zu\r\n%s\r\n", strlen(text), text);
}

/* Whether an entry is taken that has `value` in the place of that field. */
static bool takes(const char *id, unsigned field, const char *value, struct event_entry *ret)
{
    struct redis_reader *reader = redis_reader_new(MAX_BYTES);
    const struct redis_reply *reply;
    struct strbuf bytes;
    strbuf_init(&bytes, MAX_BYTES);
    strbuf_addf(&bytes, "*2\r\n");
    add_text(&bytes, id);
    strbuf_addf(&bytes, "*%d\r\n", 2 * EVENT_FIELD_COUNT);
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        add_text(&bytes, event_field_rows[i].name);
        add_text(&bytes, i == field ? value : good[i]);
    }
    redis_reader_feed(reader, bytes.ptr, bytes.len);
    assert_int_equal(redis_reader_next(reader, &reply), REDIS_READ_REPLY);
    bool taken = event_entry_read(reply, ret);
    if (taken)
        assert_slice(ret->values[field], value);
    redis_reader_free(reader);
    strbuf_release(&bytes);
    return taken;
}

static void values_are_of_their_types(void **state)
{
    static const struct {
        enum event_field field;
        const char *value;
        bool is_good;
    } rows[] = {
        {EVENT_FIELD_EVENT, "click", true},
        {EVENT_FIELD_EVENT, "", false},
        {EVENT_FIELD_EVENT, "Click", false},
        {EVENT_FIELD_RESULT, "no_impression", true},
        {EVENT_FIELD_RESULT, "a\"b", false},
        {EVENT_FIELD_RESULT, "abcdefghijklmnopqrstuvwxyzabcdef", true},
        {EVENT_FIELD_RESULT, "abcdefghijklmnopqrstuvwxyzabcdefg", false},
        {EVENT_FIELD_IMPLIED, "1", true},
        {EVENT_FIELD_IMPLIED, "2", false},
        {EVENT_FIELD_CREATIVE, "a.b-c_1", true},
        {EVENT_FIELD_CREATIVE, "a,b", false},
        {EVENT_FIELD_SLOT, "-header", false},
        {EVENT_FIELD_IMPRESSION, "AAAAAAAAAAAAAAAAAAAAA_", false}, /* bits that are not used */
        {EVENT_FIELD_IMPRESSION, "AAAA", false},
        {EVENT_FIELD_SERVED, "-1", true},
        {EVENT_FIELD_SERVED, "-0", false},
        {EVENT_FIELD_SERVED, "007", false},
        {EVENT_FIELD_AT, "1e3", false},
        {EVENT_FIELD_PRICE, "9223372036854775807", true},
        {EVENT_FIELD_PRICE, "9223372036854775808", false},
        {EVENT_FIELD_PRICE, "0", true},
        {EVENT_FIELD_PRICE, "-", false},
    };
    struct event_entry entry;
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (takes("5-1", rows[i].field, rows[i].value, &entry) != rows[i].is_good)
            fail_msg("%s: \"%s\"", event_field_rows[rows[i].field].name, rows[i].value);
    }
}

static void ids_are_two_numbers(void **state)
{
    struct event_entry entry;
    char text[EVENT_ID_TEXT_MAX];
    (void)state;
    assert_true(takes("18446744073709551615-7", EVENT_FIELD_IMPLIED, "0", &entry));
    assert_string_equal(event_id_write(entry.id, text), "18446744073709551615-7");
    assert_false(takes("5", EVENT_FIELD_IMPLIED, "0", &entry));
    assert_false(takes("5-", EVENT_FIELD_IMPLIED, "0", &entry));
    assert_false(takes("-5", EVENT_FIELD_IMPLIED, "0", &entry));
    assert_true(event_id_compare((struct event_id){5, 9}, (struct event_id){6, 0}) < 0);
    assert_true(event_id_compare((struct event_id){6, 1}, (struct event_id){6, 0}) > 0);
    assert_int_equal(event_id_compare((struct event_id){6, 1}, (struct event_id){6, 1}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_of_their_types),
        cmocka_unit_test(ids_are_two_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
