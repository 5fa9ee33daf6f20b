#include "decision/targeting_forms.h"

#include <stdio.h>

#include "unit.h"

struct row {
    const struct list_form *form;
    const char *good[16];
    const char *bad[24];
};

#define TEXT_128                                                                       \
    "12345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "123456789012345678901234567890123456789012345678"

static const struct row rows[] = {
    {&countries_form,
     {"DE", "!FR", "DE,AT,CH", "XK", "GB", "AD", "ZW"},
     {"", "de", "De", "UK", "XX", "EU", "DEU", "D", "DE AT", "*", "!", "49"}},
    {&regions_form,
     {"DE-BY", "US-CA", "FR-75", "!GB-ENG", "ID-JK"},
     {"", "DE", "DE-", "DE-B-Y", "de-by", "XX-BY", "DE-BYXX", "DEBY", "-BY", "DE_BY", "DE-b"}},
    {&devices_form, {"desktop", "mobile,tablet", "!mobile"}, {"", "phone", "Desktop", "tv"}},
    {&browsers_form,
     {"chrome", "firefox,safari", "!edge", "opera,samsung,other"},
     {"", "Chrome", "chorme", "ie6"}},
    {&systems_form,
     {"android", "ios,macos", "!windows", "linux,chromeos,other"},
     {"", "Windows", "win", "symbian"}},
    {&languages_form,
     {"de", "de-AT", "zh-Hant-TW", "!en", "gsw", "es-419", "sl-rozaj-biske-1994"},
     {"", "d", "de_AT", "de-", "-de", "de--AT", "1e", "deutschland", "de-verylongpart", "*",
      "de-AT-AT-AT-AT-AT-AT-AT-AT-AT-AT-AT-AT"}},
    {&hosts_form,
     {"example.com", "!bad.example.com", "a.example,b.example"},
     {"", "Example.com", "http://example.com", "example.com/", "*.example.com", ".example.com"}},
    {&paths_form,
     {"/", "/news/*", "*/sport", "*", "!/archive/*", "/a?b=c", "/caf%C3%A9"},
     {"", "news", "?x", "/a b", "/caf\xc3\xa9", "/a\tb", "/a\x7f"}},
    {&keywords_form,
     {"shoes", "red shoes,!used", "caf\xc3\xa9", TEXT_128},
     {"", "a\nb", "\xff", "!", TEXT_128 "9"}},
    {&hours_form,
     {"mon-fri 09-18", "fri 22-02", "sat-sun 00-24", "09-18", "fri-mon 08-12", "!sun 00-24",
      "mon 09-12,mon 13-18", "mon-fri  09-18", "mon-mon 23-00"},
     {"", "mon", "mon-fri", "9-18", "09-25", "24-02", "09-09", "mon 09:00-18:00", "monday 09-18",
      "Mon 09-18", "mon-fri-sat 09-18", "mon- 09-18", "-fri 09-18", "mon 09-18 x", "mon,09-18",
      "0918", "09_18", " 09-", "mon 00-00"}},
    {&labels_form, {"cars", "Cars.2_a-b", "a,b"}, {"", "!cars", "a b", "caf\xc3\xa9"}},
};

static bool parse(const char *text, const struct list_form *form)
{
    struct err err;
    return list_parse(slice_cstr(text), form, NULL, NULL, &err);
}

static void test_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned j = 0; rows[i].good[j]; j++) {
            if (!parse(rows[i].good[j], rows[i].form))
                fail_msg("\"%s\" should be %s", rows[i].good[j], rows[i].form->noun);
        }
        for (unsigned j = 0; rows[i].bad[j]; j++) {
            if (rows[i].bad[j][0] && parse(rows[i].bad[j], rows[i].form))
                fail_msg("\"%s\" should not be %s", rows[i].bad[j], rows[i].form->noun);
        }
    }
}

/* The tz database comes with the codes of the standard. */
static void test_all_countries_of_the_standard(void **state)
{
    char line[256];
    unsigned count = 0;
    (void)state;
    FILE *file = fopen("/usr/share/zoneinfo/iso3166.tab", "re");
    if (!file)
        skip();
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        assert_true(countries_form.is_valid(slice_of(line, 2)));
        count++;
    }
    fclose(file);
    assert_true(count > 200);

    unsigned valid = 0;
    for (char a = 'A'; a <= 'Z'; a++) {
        for (char b = 'A'; b <= 'Z'; b++)
            valid += countries_form.is_valid(slice_of((char[]){a, b}, 2));
    }
    assert_int_equal(valid, count + 1); /* XK */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_all_countries_of_the_standard),
    };
    return cmocka_run_group_tests_name("decision/targeting_forms", tests, NULL, NULL);
}
