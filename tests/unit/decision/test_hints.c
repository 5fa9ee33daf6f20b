#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "decision/hints.h"

static const struct {
    const char *header;
    enum browser browser;
} lists[] = {
    /* what browsers send */
    {"\"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"",
     BROWSER_CHROME},
    {"\"Not/A)Brand\";v=\"8\", \"Chromium\";v=\"126\", \"Google Chrome\";v=\"126\"",
     BROWSER_CHROME},
    {"\"Chromium\";v=\"124\", \"Microsoft Edge\";v=\"124\", \"Not-A.Brand\";v=\"99\"",
     BROWSER_EDGE},
    {"\"Opera\";v=\"109\", \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"123\"", BROWSER_OPERA},
    {"\"Opera GX\";v=\"109\", \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"123\"", BROWSER_OPERA},
    {"\"Not-A.Brand\";v=\"99\", \"OperaMobile\";v=\"81\", \"Chromium\";v=\"124\"", BROWSER_OPERA},
    {"\"Chromium\";v=\"121\", \"Not A(Brand\";v=\"99\", \"Samsung Internet\";v=\"25.0\"",
     BROWSER_SAMSUNG},
    {"\"Brave\";v=\"124\", \"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"", BROWSER_OTHER},
    {"\"Chromium\";v=\"122\", \"Not(A:Brand\";v=\"24\", \"YaBrowser\";v=\"24.4\", \"Yowser\";v=\"2.5\"",
     BROWSER_OTHER},
    {"\"Android WebView\";v=\"124\", \"Chromium\";v=\"124\", \"Not.A/Brand\";v=\"24\"",
     BROWSER_OTHER},
    {"\"Microsoft Edge WebView2\";v=\"124\", \"Chromium\";v=\"124\"", BROWSER_OTHER},
    {"\"HeadlessChrome\";v=\"124\", \"Chromium\";v=\"124\"", BROWSER_CHROME},
    {"\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\"", BROWSER_UNKNOWN},
    /* the strongest decides, wherever it stands */
    {"\"Google Chrome\";v=\"1\", \"Microsoft Edge\";v=\"1\"", BROWSER_EDGE},
    {"\"Microsoft Edge\";v=\"1\", \"Google Chrome\";v=\"1\"", BROWSER_EDGE},
    {"\"Google Chrome\";v=\"1\", \"Somebody\";v=\"1\"", BROWSER_CHROME},
    {"\"Somebody\";v=\"1\", \"Google Chrome\";v=\"1\"", BROWSER_CHROME},
    /* made-up brands */
    {"\" Not A;Brand\";v=\"99\"", BROWSER_UNKNOWN},
    {"\";Not A Brand\";v=\"99\"", BROWSER_UNKNOWN},
    {"\"\\\\Not\\\"A;Brand\";v=\"99\"", BROWSER_UNKNOWN},
    {"\"Not_A Brand\";v=\"8\"", BROWSER_UNKNOWN},
    {"\"Not a Brandy\"", BROWSER_OTHER},
    {"\"Not a\"", BROWSER_OTHER},
    /* well-formed in other ways */
    {"\"Google Chrome\"", BROWSER_CHROME},
    {"\"Google Chrome\" \t,\t \"Chromium\"", BROWSER_CHROME},
    {"\"Google Chrome\";v=\"1\";x;  *y=?0;z=1.5;t=tok/en;b=:YQ==:", BROWSER_CHROME},
    {"\"Google Chrome\";v=\"a\\\\b\\\"c,\"", BROWSER_CHROME},
    {"\"\"", BROWSER_OTHER},
    /* not well-formed: all of it is passed over */
    {"", BROWSER_UNKNOWN},
    {"Google Chrome", BROWSER_UNKNOWN},
    {"\"Google Chrome", BROWSER_UNKNOWN},
    {"\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\\", BROWSER_UNKNOWN},
    {"\"Google Chrome\", \"a\\b\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\", \"a\tb\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\", \"\xc3\xa4\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\",", BROWSER_UNKNOWN},
    {"\"Google Chrome\", ", BROWSER_UNKNOWN},
    {",\"Google Chrome\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\",,\"Chromium\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\" \"Chromium\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\", Chromium", BROWSER_UNKNOWN},
    {"\"Google Chrome\", 7", BROWSER_UNKNOWN},
    {"\"Google Chrome\", (\"Chromium\")", BROWSER_UNKNOWN},
    {"\"Google Chrome\";", BROWSER_UNKNOWN},
    {"\"Google Chrome\";V=\"1\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\";v=", BROWSER_UNKNOWN},
    {"\"Google Chrome\";v=\"1", BROWSER_UNKNOWN},
    {"\"Google Chrome\" ;v=\"1\"", BROWSER_UNKNOWN},
    {"\"Google Chrome\";v=\xc3\xa4", BROWSER_UNKNOWN},
};

static void test_brands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
        enum browser found = hints_browser(slice_cstr(lists[i].header));
        if (found != lists[i].browser)
            fail_msg("%s: %d is not %d", lists[i].header, found, lists[i].browser);
    }
}

static const struct {
    const char *header;
    enum system system;
} platforms[] = {
    {"\"Android\"", SYSTEM_ANDROID},
    {"\"Chrome OS\"", SYSTEM_CHROMEOS},
    {"\"Chromium OS\"", SYSTEM_CHROMEOS},
    {"\"iOS\"", SYSTEM_IOS},
    {"\"Linux\"", SYSTEM_LINUX},
    {"\"macOS\"", SYSTEM_MACOS},
    {"\"Windows\"", SYSTEM_WINDOWS},
    {"\"Windows\";a=1", SYSTEM_WINDOWS},
    {"\"Fuchsia\"", SYSTEM_OTHER},
    {"\"Unknown\"", SYSTEM_UNKNOWN},
    {"\"\"", SYSTEM_UNKNOWN},
    {"", SYSTEM_UNKNOWN},
    {"Windows", SYSTEM_UNKNOWN},
    {"\"Windows", SYSTEM_UNKNOWN},
    {"\"Windows\" ", SYSTEM_UNKNOWN},
    {"\"Windows\", \"macOS\"", SYSTEM_UNKNOWN},
    {"\"Windows\"x", SYSTEM_UNKNOWN},
};

static void test_platforms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(platforms) / sizeof(*platforms); i++) {
        enum system found = hints_system(slice_cstr(platforms[i].header));
        if (found != platforms[i].system)
            fail_msg("%s: %d is not %d", platforms[i].header, found, platforms[i].system);
    }
}

static void test_mobile(void **state)
{
    (void)state;
    assert_int_equal(hints_mobile(SLICE("?1")), HINT_MOBILE);
    assert_int_equal(hints_mobile(SLICE("?0")), HINT_NOT_MOBILE);
    assert_int_equal(hints_mobile(SLICE("?1;a")), HINT_MOBILE);
    static const char *const malformed[] = {"", "?", "1", "?2", "?10", "?1,?0", " ?1", "?T", "?1;"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
        if (hints_mobile(slice_cstr(malformed[i])) != HINT_NONE)
            fail_msg("taken: %s", malformed[i]);
}

/* The longest that is read, and one byte more. */
static void test_the_limit(void **state)
{
    char text[HINT_BYTES_MAX + 1];
    const char begin[] = "\"Google Chrome\";v=\"";
    (void)state;
    for (size_t len = HINT_BYTES_MAX; len <= sizeof(text); len++) {
        memset(text, '1', sizeof(text));
        memcpy(text, begin, sizeof(begin) - 1);
        text[len - 1] = '"';
        assert_int_equal(hints_browser(slice_of(text, len)),
                         len <= HINT_BYTES_MAX ? BROWSER_CHROME : BROWSER_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brands),
        cmocka_unit_test(test_platforms),
        cmocka_unit_test(test_mobile),
        cmocka_unit_test(test_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
