#include "base/strbuf.h"
#include "unit/ctl/unit.h"

static struct strbuf said;

static void note_difference(struct slice name, struct slice before, struct slice after, void *arg)
{
    (void)arg;
    strbuf_addf(&said, "%.*s:%.*s>%.*s;", SLICE_ARGS(name), before.ptr ? (int)before.len : 1,
                before.ptr ? before.ptr : "-", after.ptr ? (int)after.len : 1,
                after.ptr ? after.ptr : "-");
}

static void check_differences(const struct entry *before, const struct entry *after,
                              const char *expected)
{
    strbuf_init(&said, SIZE_MAX / 2);
    entry_differences(before, after, note_difference, NULL);
    assert_slice(strbuf_slice(&said), expected);
    strbuf_release(&said);
}

static const struct entry *campaign(const char *const *fields)
{
    return make_entry(RECORD_CAMPAIGN, "spring", fields);
}

static void test_differences(void **state)
{
    (void)state;
    check_differences(campaign(FIELDS("weight", "1", "cpm", "4.5", "slots", "*")),
                      campaign(FIELDS("weight", "3", "caps", "1/1d", "slots", "*")),
                      "weight:1>3;caps:->1/1d;cpm:4.5>-;");
    check_differences(campaign(FIELDS("slots", "a, b", "cpm", "3.20")),
                      campaign(FIELDS("slots", "a,b", "cpm", "3.2")), "");
}

static void test_an_empty_value_is_none(void **state)
{
    (void)state;
    check_differences(campaign(FIELDS("slots", "*", "cpm", "")), campaign(FIELDS("slots", "*")),
                      "");
    check_differences(campaign(FIELDS("slots", "*", "cpm", "")),
                      campaign(FIELDS("slots", "*", "cpm", "1")), "cpm:->1;");
    /* Servers refuse the entry for the name alone. */
    check_differences(campaign(FIELDS("slots", "*", "bogus", "")), campaign(FIELDS("slots", "*")),
                      "bogus:>-;");
}

static void test_fields_stand_in_the_order_of_their_rows(void **state)
{
    const struct entry *entry =
        campaign(FIELDS("zzz", "1", "kv.b", "1", "caps", "1/1d", "kv.a", "1", "name", "x"));
    (void)state;
    assert_slice(entry->fields[0].name, "name");
    assert_slice(entry->fields[1].name, "caps");
    assert_slice(entry->fields[2].name, "kv.a");
    assert_slice(entry->fields[3].name, "kv.b");
    assert_slice(entry->fields[4].name, "zzz");
}

static void test_edit(void **state)
{
    const struct record_field edits[] = {
        {SLICE("weight"), SLICE("3")}, {SLICE("cpm"), SLICE("")}, {SLICE("name"), SLICE("Spring")}};
    (void)state;
    const struct entry *before = campaign(FIELDS("weight", "1", "cpm", "4.5", "slots", "*"));
    const struct entry *after = entry_edit(before, edits, 3, arena);
    assert_int_equal(after->count, 3);
    assert_slice(entry_value(after, SLICE("weight")), "3");
    assert_slice(entry_value(after, SLICE("name")), "Spring");
    assert_slice(entry_value(after, SLICE("slots")), "*");
    assert_slice(entry_value(after, SLICE("cpm")), "");
    assert_slice(entry_value(before, SLICE("weight")), "1");
}

static void test_a_slot_never_becomes_an_empty_hash(void **state)
{
    const struct record_field edit = {SLICE("name"), SLICE("")};
    (void)state;
    const struct entry *before = make_entry(RECORD_SLOT, "header", FIELDS("name", "Header"));
    const struct entry *after = entry_edit(before, &edit, 1, arena);
    check_differences(before, after, "status:->active;name:Header>-;");
}

static void check_mistakes(const struct entry *entry, const char *expected)
{
    struct mistakes mistakes = {NULL, 0};
    assert_int_equal(entry_check(entry, "it", ".", &mistakes), *expected == '\0');
    strbuf_init(&said, SIZE_MAX / 2);
    for (unsigned i = 0; i < mistakes.count; i++)
        strbuf_addf(&said, "%s ", mistakes.item[i].where);
    assert_slice(strbuf_slice(&said), expected);
    strbuf_release(&said);
    mistakes_release(&mistakes);
}

static void test_every_mistake_of_an_entry_is_told(void **state)
{
    (void)state;
    check_mistakes(campaign(FIELDS("slots", "*", "weight", "3")), "");
    check_mistakes(campaign(FIELDS("weight", "0", "slots", "Header", "cpm", "-1", "caps", "often",
                                   "bogus", "1", "tier", "gold")),
                   "it.bogus it.tier it.weight it.slots it.cpm it.caps ");
    check_mistakes(campaign(FIELDS("weight", "0")), "it.weight it.slots ");
    check_mistakes(campaign(FIELDS("slots", "*", "start", "2026-02-01T00:00:00", "end",
                                   "2026-01-01T00:00:00", "share", "20")),
                   "it.share it.end ");
}

static void test_every_missing_field_of_a_creative_is_told(void **state)
{
    (void)state;
    check_mistakes(make_entry(RECORD_CREATIVE, "c", FIELDS("type", "image", "weight", "x")),
                   "it.campaign it.weight it.size it.image it.landing ");
    check_mistakes(
        make_entry(RECORD_CREATIVE, "c",
                   FIELDS("campaign", "x", "type", "text", "size", "1x1", "landing", "ftp://x/")),
        "it.landing it.size it.title ");
    check_mistakes(make_entry(RECORD_CREATIVE, "c", FIELDS("campaign", "x", "type", "film")),
                   "it.type ");
}

static void test_an_entry_as_a_whole(void **state)
{
    (void)state;
    struct entry *many = make_entry(RECORD_SLOT, "many", FIELDS("name", "x"));
    struct record_field *fields =
        arena_new_array(arena, struct record_field, RECORD_FIELDS_MAX + 1);
    for (unsigned i = 0; i <= RECORD_FIELDS_MAX; i++)
        fields[i] = many->fields[0];
    many->fields = fields;
    many->count = RECORD_FIELDS_MAX + 1;
    check_mistakes(many, "it ");
    check_mistakes(make_entry(RECORD_SLOT, "No Id", FIELDS("name", "x")), "it ");
}

static void test_names_are_fit_for_messages(void **state)
{
    (void)state;
    assert_string_equal(entry_name(campaign(FIELDS("slots", "*"))), "campaign spring");
    assert_string_equal(entry_name(make_absent(RECORD_SLOT, "a\n\033[0m")), "slot a\\x0a\\x1b[0m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_an_empty_value_is_none),
        cmocka_unit_test(test_fields_stand_in_the_order_of_their_rows),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_a_slot_never_becomes_an_empty_hash),
        cmocka_unit_test(test_every_mistake_of_an_entry_is_told),
        cmocka_unit_test(test_every_missing_field_of_a_creative_is_told),
        cmocka_unit_test(test_an_entry_as_a_whole),
        cmocka_unit_test(test_names_are_fit_for_messages),
    };
    return cmocka_run_group_tests(tests, set_up_arena, tear_down_arena);
}
