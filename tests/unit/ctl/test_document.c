#include <stdlib.h>

#include "ctl/document.h"
#include "unit/ctl/unit.h"

static struct document document;
static struct mistakes mistakes;

static bool read_text(struct slice text)
{
    mistakes_release(&mistakes);
    return document_read(text, "FILE", arena, &document, &mistakes);
}

static void check_read(struct slice text)
{
    if (!read_text(text))
        assert_mistakes(&mistakes, "");
}

/* Each line of `expected` is a mistake's place, or its beginning with a text. */
static void check_refused(struct slice text, const char *const *expected)
{
    assert_false(read_text(text));
    for (unsigned i = 0; expected[i]; i++) {
        char line[ERR_WHERE_MAX + ERR_TEXT_MAX + 2];
        if (i >= mistakes.count)
            fail_msg("not told: %s", expected[i]);
        (void)snprintf(line, sizeof line, "%s: %s", mistakes.item[i].where, mistakes.item[i].text);
        if (strncmp(line, expected[i], strlen(expected[i])) != 0)
            fail_msg("%s\n instead of %s", line, expected[i]);
        if (!expected[i + 1] && mistakes.count != i + 1)
            fail_msg("%u mistakes, the next one: %s: %s", mistakes.count,
                     mistakes.item[i + 1].where, mistakes.item[i + 1].text);
    }
}
#define LINES(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct slice value(unsigned entry, const char *name)
{
    assert_true(entry < document.count);
    return entry_value(&document.entries[entry], slice_cstr(name));
}

/* ---- What is read ---------------------------------------------------------------------------- */

static void test_all_forms(void **state)
{
    (void)state;
    check_read(SLICE("{\"slots\":[{\"id\":\"header\",\"sizes\":[\"970x250\",\"728x90\"]}],"
                     "\"campaigns\":[{\"id\":\"spring\",\"slots\":[\"header\"],\"weight\":3,"
                     "\"cpm\":4.50,\"share\":\"\",\"caps\":[\"1/10m\",\"3/1d\"],\"kv.a\":[\"b\"],"
                     "\"creatives\":[{\"id\":\"c1\",\"type\":\"text\",\"title\":\"T\\u00e4\","
                     "\"landing\":\"https://a.example/\",\"weight\":\"7\"}]}]}"));
    assert_int_equal(document.count, 3);
    assert_int_equal(document.entries[0].kind, RECORD_SLOT);
    assert_slice(document.entries[0].id, "header");
    assert_slice(value(0, "sizes"), "970x250,728x90");
    assert_int_equal(document.entries[1].kind, RECORD_CAMPAIGN);
    assert_slice(value(1, "weight"), "3");
    assert_slice(value(1, "cpm"), "4.5");
    assert_slice(value(1, "caps"), "1/10m,3/1d");
    assert_slice(value(1, "kv.a"), "b");
    assert_int_equal(document.entries[1].count, 5);
    assert_int_equal(document.entries[2].kind, RECORD_CREATIVE);
    assert_slice(value(2, "campaign"), "spring");
    assert_slice(value(2, "title"), "Tä");
    assert_slice(value(2, "weight"), "7");
    assert_slice(document.entries[2].path, "campaigns[0].creatives[0]");
}

static void test_a_list_may_be_one_string(void **state)
{
    (void)state;
    check_read(SLICE("{\"campaigns\":[{\"id\":\"a\",\"slots\":\"*\",\"caps\":\"1/1m,2/1d\"}]}"));
    assert_slice(value(0, "slots"), "*");
    assert_slice(value(0, "caps"), "1/1m,2/1d");
}

static void test_nothing_is_a_document(void **state)
{
    (void)state;
    check_read(SLICE("{}"));
    assert_int_equal(document.count, 0);
    check_read(SLICE(" {\"slots\":[],\"campaigns\":[]} \n"));
    assert_int_equal(document.count, 0);
}

static void test_a_bare_slot_gets_its_status(void **state)
{
    (void)state;
    check_read(SLICE("{\"slots\":[{\"id\":\"a\"},{\"id\":\"b\",\"name\":\"\",\"sizes\":[]}]}"));
    assert_slice(value(0, "status"), "active");
    assert_slice(value(1, "status"), "active");
}

#define OWNED_CREATIVE(owner)                                                                        \
    SLICE(                                                                                           \
        "{\"campaigns\":[{\"id\":\"a\",\"slots\":[\"*\"],\"creatives\":[{\"id\":\"c\",\"campaign\":" \
        "\"" owner "\",\"type\":\"text\",\"title\":\"t\",\"landing\":\"http://x.example/\"}]}]}")

static void test_a_creative_may_name_its_campaign(void **state)
{
    (void)state;
    check_read(OWNED_CREATIVE("a"));
    check_refused(
        OWNED_CREATIVE("b"),
        LINES("campaigns[0].creatives[0].campaign: \"b\" is not the campaign it stands in"));
}

/* ---- What is no document --------------------------------------------------------------------- */

static void test_no_json(void **state)
{
    (void)state;
    check_refused(SLICE(""), LINES("FILE:1:0: no JSON: "));
    check_refused(SLICE("{\"slots\":[\n{\"id\" \"a\"}]}"), LINES("FILE:2:9: no JSON: "));
    check_refused(SLICE("{} {}"), LINES("FILE:1:4: no JSON: end of file expected"));
    check_refused(SLICE("{\"slots\":[],\"slots\":[]}"), LINES("FILE:1:19: no JSON: duplicate"));
    check_refused(SLICE("{\"slots\":[{\"id\":\"a\",\"id\":\"b\"}]}"),
                  LINES("FILE:1:24: no JSON: duplicate object key"));
    check_refused(SLICE("{\"slots\":[{\"id\":\"a\",\"name\":\"\xff\"}]}"), LINES("FILE:1:"));
    check_refused(SLICE("{\"a\0b\":1}"), LINES("FILE:1:"));
    check_refused(SLICE("{\"slots\":[{\"id\":\"a\",\"name\":\"x\\u0000y\"}]}"),
                  LINES("FILE:1:37: no JSON: \\u0000 is not allowed"));
    check_refused(SLICE("{\"campaigns\":[{\"weight\":99999999999999999999}]}"),
                  LINES("FILE:1:44: no JSON: too big integer"));
    check_refused(SLICE("{\"campaigns\":[{\"cpm\":1e999}]}"), LINES("FILE:1:26: no JSON: real"));
    check_refused(SLICE("{\"campaigns\":[{\"cpm\":NaN}]}"), LINES("FILE:1:"));
}

static void test_depth(void **state)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH);
    (void)state;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    check_refused(slice_of(text, DEPTH), LINES("FILE:1:2049: no JSON: maximum parsing depth"));
    free(text);
}

static void test_size(void **state)
{
    size_t size = (size_t)DOCUMENT_BYTES_MAX + 1;
    char *text = calloc(size, 1);
    (void)state;
    assert_non_null(text);
    check_refused(slice_of(text, size), LINES("FILE: it has 134217729 bytes; allowed: 134217728"));
    free(text);
}

static void test_number_of_entries(void **state)
{
    struct strbuf text;
    (void)state;
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    strbuf_add_cstr(&text, "{\"slots\":[1");
    for (unsigned i = 0; i < DOCUMENT_ENTRIES_MAX; i++)
        strbuf_add_cstr(&text, ",1");
    strbuf_add_cstr(&text, "]}");
    check_refused(strbuf_slice(&text), LINES("FILE: it has 100001 entries; allowed: 100000"));
    strbuf_release(&text);
}

static void test_the_wrong_shape(void **state)
{
    (void)state;
    check_refused(SLICE("[]"), LINES("FILE: it is an array; allowed: an object"));
    check_refused(SLICE("{\"slots\":{},\"campaigns\":null}"),
                  LINES("slots: it is an object; allowed: an array",
                        "campaigns: it is null; allowed: an array"));
    check_refused(SLICE("{\"slots\":[1,\"x\",true]}"),
                  LINES("slots[0]: it is a number; allowed: an object", "slots[1]: it is a string",
                        "slots[2]: it is true or false"));
    check_refused(SLICE("{\"creatives\":[],\"other\":1}"),
                  LINES("creatives: creatives stand in their campaigns",
                        "other: there is no such member; allowed: slots, campaigns"));
    check_refused(SLICE("{\"campaigns\":[{\"id\":\"a\",\"slots\":\"*\",\"creatives\":{}}]}"),
                  LINES("campaigns[0].creatives: it is an object; allowed: an array"));
}

/* ---- What entries do not allow --------------------------------------------------------------- */

static void test_every_mistake_is_told(void **state)
{
    (void)state;
    check_refused(
        SLICE("{\"slots\":[{\"id\":\"ok\"},{\"id\":\"Big\",\"sizes\":[\"0x0\"]},{\"name\":\"x\"}],"
              "\"campaigns\":[{\"id\":\"a\",\"slots\":[],\"weight\":0,\"creatives\":["
              "{\"id\":\"c\",\"type\":\"image\",\"size\":\"970x250\",\"image\":\"javascript:1\","
              "\"landing\":\"ftp://x\"}]}]}"),
        LINES("slots[1].id: \"Big\" is not an id; allowed: 1 to 64 of a-z",
              "slots[1].sizes: ", "slots[2].id: it is missing; allowed: 1 to 64",
              "campaigns[0].weight: 0 is out of range; allowed: a whole number from 1",
              "campaigns[0].slots: it is missing; allowed: ids of slots",
              "campaigns[0].creatives[0].image: ", "campaigns[0].creatives[0].landing: "));
}

static void test_types_of_values(void **state)
{
    (void)state;
    check_refused(
        SLICE("{\"campaigns\":[{\"id\":\"a\",\"slots\":[1,\"a,b\",\"\"],\"name\":5,\"weight\":[1],"
              "\"status\":null,\"tier\":true,\"caps\":{\"1\":1}}]}"),
        LINES("campaigns[0].slots[0]: it is a number; allowed: a string",
              "campaigns[0].slots[1]: \"a,b\" holds a comma; allowed: an item a string",
              "campaigns[0].slots[2]: it is empty",
              "campaigns[0].name: it is a number; allowed: a string",
              "campaigns[0].weight: it is an array; allowed: a number",
              "campaigns[0].status: it is null", "campaigns[0].tier: it is true or false",
              "campaigns[0].caps: it is an object; allowed: an array of strings",
              "campaigns[0].slots: it is missing"));
}

static void test_an_unknown_member(void **state)
{
    (void)state;
    check_refused(SLICE("{\"campaigns\":[{\"id\":\"a\",\"slots\":\"*\",\"wieght\":{},"
                        "\"a\\u001b[2Jb\":1}]}"),
                  LINES("campaigns[0].wieght: a campaign has no such field; allowed: name, ",
                        "campaigns[0].a\\x1b[2Jb: a campaign has no such field"));
    check_refused(SLICE("{\"slots\":[{\"id\":\"a\",\"creatives\":[]}]}"),
                  LINES("slots[0].creatives: a slot has no such field"));
}

static void test_an_id_stands_once(void **state)
{
    (void)state;
    check_refused(
        SLICE("{\"slots\":[{\"id\":\"a\"},{\"id\":\"b\"},{\"id\":\"a\"}],\"campaigns\":["
              "{\"id\":\"a\",\"slots\":\"*\",\"creatives\":[{\"id\":\"c\",\"type\":\"text\","
              "\"title\":\"t\",\"landing\":\"http://x.example/\"}]},{\"id\":\"b\",\"slots\":\"*\","
              "\"creatives\":[{\"id\":\"c\",\"type\":\"text\",\"title\":\"t\","
              "\"landing\":\"http://x.example/\"}]}]}"),
        LINES("slots[2].id: \"a\" stands in slots[0] already; allowed: once",
              "campaigns[1].creatives[0].id: \"c\" stands in campaigns[0].creatives[0] already"));
}

/* A creative of a campaign without an id is judged by itself. */
static void test_creatives_of_a_nameless_campaign(void **state)
{
    (void)state;
    check_refused(
        SLICE("{\"campaigns\":[{\"slots\":\"*\",\"creatives\":[{\"id\":\"c\","
              "\"campaign\":\"z\",\"type\":\"text\",\"landing\":\"http://x.example/\"}]}]}"),
        LINES("campaigns[0].id: it is missing", "campaigns[0].creatives[0].title: "));
}

static void test_numbers_are_judged_as_written(void **state)
{
    (void)state;
    check_refused(SLICE("{\"campaigns\":[{\"id\":\"a\",\"slots\":\"*\",\"cpm\":1.1234567,"
                        "\"weight\":1.5,\"cpc\":-1}]}"),
                  LINES("campaigns[0].weight: \"1.5\" is not a whole number",
                        "campaigns[0].cpm: 1.1234567 has more than 6 digits",
                        "campaigns[0].cpc: \"-1\" is not a decimal number"));
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void check_written(const struct entry *entries, unsigned count, const char *expected,
                          const char *left_out)
{
    struct printed printed;
    mistakes_release(&mistakes);
    printed_begin(&printed);
    document_write(entries, count, printed.to, &mistakes);
    assert_string_equal(printed_text(&printed), expected);
    printed_end(&printed);
    assert_mistakes(&mistakes, left_out);
}

static void test_writing_nothing(void **state)
{
    (void)state;
    check_written(NULL, 0, "{\n  \"slots\": [],\n  \"campaigns\": []\n}\n", "");
}

static void test_writing(void **state)
{
    const struct entry entries[] = {
        *make_entry(RECORD_SLOT, "header", FIELDS("sizes", "970x250, 728x90", "name", "")),
        *make_entry(RECORD_CAMPAIGN, "a", FIELDS("slots", "*", "cpm", "4.50", "weight", "x")),
        *make_entry(RECORD_CAMPAIGN, "b", FIELDS("slots", "header")),
        *make_entry(RECORD_CREATIVE, "c1", FIELDS("campaign", "b", "title", "\"x\" \033")),
        *make_entry(RECORD_CREATIVE, "c2", FIELDS("campaign", "a", "bogus", "1")),
        *make_entry(RECORD_CREATIVE, "c3", FIELDS("campaign", "b")),
    };
    (void)state;
    check_written(entries, 6,
                  "{\n"
                  "  \"slots\": [\n"
                  "    {\n"
                  "      \"id\": \"header\",\n"
                  "      \"sizes\": [\"970x250\", \"728x90\"]\n"
                  "    }\n"
                  "  ],\n"
                  "  \"campaigns\": [\n"
                  "    {\n"
                  "      \"id\": \"a\",\n"
                  "      \"weight\": \"x\",\n"
                  "      \"slots\": [\"*\"],\n"
                  "      \"cpm\": 4.5,\n"
                  "      \"creatives\": [\n"
                  "        {\n"
                  "          \"id\": \"c2\",\n"
                  "          \"bogus\": \"1\"\n"
                  "        }\n"
                  "      ]\n"
                  "    },\n"
                  "    {\n"
                  "      \"id\": \"b\",\n"
                  "      \"slots\": [\"header\"],\n"
                  "      \"creatives\": [\n"
                  "        {\n"
                  "          \"id\": \"c1\",\n"
                  "          \"title\": \"\\\"x\\\" \\u001b\"\n"
                  "        },\n"
                  "        {\n"
                  "          \"id\": \"c3\"\n"
                  "        }\n"
                  "      ]\n"
                  "    }\n"
                  "  ]\n"
                  "}\n",
                  "");
}

static void test_what_the_form_cannot_hold_is_left_out(void **state)
{
    const struct entry entries[] = {
        *make_entry(RECORD_CAMPAIGN, "b", FIELDS("slots", "\xff")),
        *make_entry(RECORD_CREATIVE, "c1", FIELDS("campaign", "a")),
        *make_entry(RECORD_CREATIVE, "c2", FIELDS("campaign", "b")),
        *make_entry(RECORD_CREATIVE, "c3", FIELDS("campaign", "z\n")),
        *make_entry(RECORD_CREATIVE, "c4", FIELDS("title", "x")),
    };
    (void)state;
    check_written(entries, 5, "{\n  \"slots\": [],\n  \"campaigns\": []\n}\n",
                  "adctl: campaign b: JSON can't hold it, it is left out; allowed: UTF-8, at most "
                  "131072 bytes\n"
                  "adctl: creative c4: it is left out, as its campaign \"\" is; allowed: one that "
                  "is there\n"
                  "adctl: creative c1: it is left out, as its campaign \"a\" is; allowed: one that "
                  "is there\n"
                  "adctl: creative c2: it is left out, as its campaign \"b\" is; allowed: one that "
                  "is there\n"
                  "adctl: creative c3: it is left out, as its campaign \"z\\x0a\" is; allowed: one "
                  "that is there\n");
}

static int release(void **state)
{
    mistakes_release(&mistakes);
    return tear_down_arena(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_forms),
        cmocka_unit_test(test_a_list_may_be_one_string),
        cmocka_unit_test(test_nothing_is_a_document),
        cmocka_unit_test(test_a_bare_slot_gets_its_status),
        cmocka_unit_test(test_a_creative_may_name_its_campaign),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_number_of_entries),
        cmocka_unit_test(test_the_wrong_shape),
        cmocka_unit_test(test_every_mistake_is_told),
        cmocka_unit_test(test_types_of_values),
        cmocka_unit_test(test_an_unknown_member),
        cmocka_unit_test(test_an_id_stands_once),
        cmocka_unit_test(test_creatives_of_a_nameless_campaign),
        cmocka_unit_test(test_numbers_are_judged_as_written),
        cmocka_unit_test(test_writing_nothing),
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_what_the_form_cannot_hold_is_left_out),
    };
    return cmocka_run_group_tests(tests, set_up_arena, release);
}
