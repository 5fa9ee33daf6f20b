#include <stdlib.h>

#include "ctl/help.h"
#include "unit/ctl/unit.h"

static enum record_kind kind;
static unsigned used;
static struct err err;

static const struct command *find(const char *const *words)
{
    unsigned count = 0;
    while (words[count])
        count++;
    return command_find((char *const *)(uintptr_t)words, count, &kind, &used, &err);
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_every_command_is_found(void **state)
{
    unsigned count;
    const struct command *table = command_table(&count);
    (void)state;
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < RECORD_KIND_COUNT; k++) {
            if (table[i].kinds && !(table[i].kinds & 1u << k))
                continue;
            const char *noun = table[i].noun ? table[i].noun : record_kind_words[k];
            assert_ptr_equal(find(WORDS(noun, table[i].verb ? table[i].verb : "x")), &table[i]);
            assert_int_equal(used, table[i].verb ? 2 : 1);
            assert_true(table[i].noun || kind == (enum record_kind)k);
        }
    }
}

static void check_unknown(const char *const *words, const char *where, const char *text)
{
    assert_null(find(words));
    assert_string_equal(err.where, where);
    assert_string_equal(err.text, text);
}

static void test_what_there_is_not(void **state)
{
    (void)state;
    check_unknown(WORDS("invoice"), "invoice",
                  "there is no such command; allowed: slot campaign creative import export "
                  "validate snippet explain forecast report events reconcile compact top keys");
    check_unknown(WORDS("a\033b", "x"), "a\\x1bb",
                  "there is no such command; allowed: slot campaign creative import export "
                  "validate snippet explain forecast report events reconcile compact top keys");
    check_unknown(WORDS("keys"), "keys", "what to do is missing; allowed: keys rotate");
    check_unknown(WORDS("slot", "upload"), "slot upload",
                  "there is no such command; allowed: slot list show create set pause resume "
                  "archive delete");
}

static bool check(const char *const *words, unsigned flags, unsigned args)
{
    const struct command *command = find(words);
    assert_non_null(command);
    const struct call call = {.kind = kind, .flags = flags, .count = args};
    return command_check(command, &call, &err);
}

static void test_how_they_may_be_called(void **state)
{
    (void)state;
    assert_true(check(WORDS("import"), FLAG_DRY_RUN, 1));
    assert_false(check(WORDS("import"), 0, 0));
    assert_string_equal(err.text, "something is missing; allowed: import FILE [--dry-run]");
    assert_false(check(WORDS("import"), 0, 2));
    assert_string_equal(err.text, "too many arguments; allowed: import FILE [--dry-run]");
    assert_false(check(WORDS("export"), FLAG_FORCE, 0));
    assert_string_equal(err.text, "--force is not for this command; allowed: export");
    assert_false(check(WORDS("slot", "delete"), FLAG_WITH_CREATIVES, 1));
    assert_false(check(WORDS("campaign", "set"), 0, 1));
    assert_true(check(WORDS("campaign", "set"), 0, COMMAND_ARGS_MAX));
    assert_false(check(WORDS("campaign", "set"), 0, COMMAND_ARGS_MAX + 1));
}

static void test_help_names_all(void **state)
{
    struct printed printed;
    struct strbuf synopsis;
    unsigned count;
    const struct command *table = command_table(&count);
    (void)state;
    strbuf_init(&synopsis, 1024);
    printed_begin(&printed);
    help_print(printed.to);
    for (unsigned i = 0; i < count; i++) {
        strbuf_clear(&synopsis);
        command_add_synopsis(&synopsis, &table[i]);
        assert_non_null(strstr(printed_text(&printed), strbuf_cstr(&synopsis)));
        assert_non_null(strstr(printed_text(&printed), table[i].summary));
    }
    printed_end(&printed);
    strbuf_release(&synopsis);
}

static void test_help_of_a_command_names_its_fields(void **state)
{
    struct printed printed;
    unsigned count;
    const struct record_form_row *rows = record_forms(RECORD_CAMPAIGN, &count);
    (void)state;
    printed_begin(&printed);
    help_print_command(find(WORDS("campaign", "set")), RECORD_CAMPAIGN, printed.to);
    const char *text = printed_text(&printed);
    assert_non_null(strstr(text, "usage: adctl slot|campaign|creative set ID field=value..."));
    assert_non_null(strstr(text, "--dry-run"));
    for (unsigned i = 0; i < count; i++)
        assert_non_null(strstr(text, rows[i].allowed));
    assert_non_null(strstr(text, "kv.<name>"));
    printed_end(&printed);
}

/* ---- The manual page ------------------------------------------------------------------------- */

static char *read_manual(void)
{
    struct strbuf text;
    char part[4096];
    size_t got;
    FILE *file = fopen("docs/adctl.1", "r");
    if (!file)
        fail_msg("docs/adctl.1 is not here; tests run in the project's top folder");
    strbuf_init(&text, 1024 * 1024);
    while ((got = fread(part, 1, sizeof part, file)) > 0)
        strbuf_add(&text, part, got);
    assert_int_equal(fclose(file), 0);
    return text.ptr;
}

typedef void print_fn(FILE *to);

static void check_manual(print_fn *print)
{
    char *manual = read_manual();
    struct printed printed;
    printed_begin(&printed);
    print(printed.to);
    const char *expected = printed_text(&printed);
    bool found = strstr(manual, expected) != NULL;
    if (!found)
        print_error("docs/adctl.1 should have:\n%s\n", expected);
    printed_end(&printed);
    free(manual);
    assert_true(found);
}

static void test_the_manual_has_the_commands(void **state)
{
    (void)state;
    check_manual(help_print_manual_commands);
}

static void test_the_manual_has_the_fields(void **state)
{
    (void)state;
    check_manual(help_print_manual_fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_is_found),
        cmocka_unit_test(test_what_there_is_not),
        cmocka_unit_test(test_how_they_may_be_called),
        cmocka_unit_test(test_help_names_all),
        cmocka_unit_test(test_help_of_a_command_names_its_fields),
        cmocka_unit_test(test_the_manual_has_the_commands),
        cmocka_unit_test(test_the_manual_has_the_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
