#include "decision/landing.h"

#include <stdio.h>

#include "decision/model.h"
#include "unit.h"

static void test_addresses_that_are_fine(void **state)
{
    static const char *const good[] = {
        "http://example.com",
        "https://example.com/",
        "HTTPS://Example.COM/Path?q=1&r=%20#top",
        "https://example.com:8443/a;b=c",
        "http://localhost:3000/demo",
        "http://127.0.0.1/",
        "http://[2001:db8::1]/",
        "http://[::1]:8080/x",
        "https://my_shop.example.com/",
        "https://xn--bcher-kva.example/",
        "https://example.com?utm_source=a",
        "https://example.com#x",
        "https://example.com/@someone",
        "https://example.com/a:b//c?u=http://other.example/%C3%A9",
        "https://example.com/{braces}|^~",
        "https://example.com:443",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err err = {"", ""};
        if (!landing_is_valid(slice_cstr(good[i]), &err) ||
            !image_url_is_valid(slice_cstr(good[i]), &err))
            fail_msg("%s: %s", good[i], err.text);
    }
}

static const struct {
    struct slice url;
    const char *wrong;
} bad[] = {
    {SLICE_INIT(""), "\"\" does not begin with http:// or https://"},
    {SLICE_INIT("example.com"), "\"example.com\" does not begin with http:// or https://"},
    {SLICE_INIT("javascript:alert(1)"),
     "\"javascript:alert(1)\" does not begin with http:// or https://"},
    {SLICE_INIT("data:text/html,x"),
     "\"data:text/html,x\" does not begin with http:// or https://"},
    {SLICE_INIT("ftp://example.com"),
     "\"ftp://example.com\" does not begin with http:// or https://"},
    {SLICE_INIT("//evil.example/"), "\"//evil.example/\" does not begin with http:// or https://"},
    {SLICE_INIT("https:evil.example"),
     "\"https:evil.example\" does not begin with http:// or https://"},
    {SLICE_INIT("https:/evil.example"),
     "\"https:/evil.example\" does not begin with http:// or https://"},
    {SLICE_INIT("\\\\evil.example"), "byte 1 (\"\\\") may not stand in an address"},
    {SLICE_INIT("https:\\\\evil.example"), "byte 7 (\"\\\") may not stand in an address"},
    {SLICE_INIT("https://example.com\\@evil.example"),
     "byte 20 (\"\\\") may not stand in an address"},
    {SLICE_INIT(" https://example.com"), "byte 1 (\" \") may not stand in an address"},
    {SLICE_INIT("https://example.com/a b"), "byte 22 (\" \") may not stand in an address"},
    {SLICE_INIT("https://exam\tple.com/"), "byte 13 (\"\\x09\") may not stand in an address"},
    {SLICE_INIT("https://example.com/\r\nX: y"), "byte 21 (\"\\x0d\") may not stand in an address"},
    {SLICE_INIT("https://example.com/\0"), "byte 21 (\"\\x00\") may not stand in an address"},
    {SLICE_INIT("https://example.com/\x7f"), "byte 21 (\"\\x7f\") may not stand in an address"},
    {SLICE_INIT("https://example.com/\""), "byte 21 (\"\"\") may not stand in an address"},
    {SLICE_INIT("https://example.com/'"), "byte 21 (\"'\") may not stand in an address"},
    {SLICE_INIT("https://example.com/`"), "byte 21 (\"`\") may not stand in an address"},
    {SLICE_INIT("https://example.com/<b>"), "byte 21 (\"<\") may not stand in an address"},
    {SLICE_INIT("https://b\xc3\xbc"
                "cher.example/"),
     "byte 10 (\"\\xc3\") may not stand in an address"},
    {SLICE_INIT("https://user@example.com/"), "the address holds a user name or password"},
    {SLICE_INIT("https://example.com@evil.example/"), "the address holds a user name or password"},
    {SLICE_INIT("https://user:secret@example.com/"), "the address holds a user name or password"},
    {SLICE_INIT("https:///path"), "\"\" is not a host"},
    {SLICE_INIT("https://?q"), "\"\" is not a host"},
    {SLICE_INIT("https://:80/"), "\":80\" is not a host"},
    {SLICE_INIT("https://a..example/"), "\"a..example\" is not a host"},
    {SLICE_INIT("https://example.com./"), "\"example.com.\" is not a host"},
    {SLICE_INIT("https://ex%61mple.com/"), "\"ex%61mple.com\" is not a host"},
    {SLICE_INIT("https://2130706433/"), "\"2130706433\" is not a host"},
    {SLICE_INIT("https://0x7f000001/"), "\"0x7f000001\" is not a host"},
    {SLICE_INIT("https://127.1/"), "\"127.1\" is not a host"},
    {SLICE_INIT("https://127.0.0.01/"), "\"127.0.0.01\" is not a host"},
    {SLICE_INIT("https://256.0.0.1/"), "\"256.0.0.1\" is not a host"},
    {SLICE_INIT("https://shop.127/"), "\"shop.127\" is not a host"},
    {SLICE_INIT("https://[::1/"), "\"[::1\" is not a host"},
    {SLICE_INIT("https://[example.com]/"), "\"[example.com]\" is not a host"},
    {SLICE_INIT("https://[fe80::1%25eth0]/"), "\"[fe80::1%25eth0]\" is not a host"},
    {SLICE_INIT("https://[::1]x/"), "\"x\" is not a port"},
    {SLICE_INIT("https://example.com:/"), "\":\" is not a port"},
    {SLICE_INIT("https://example.com:0/"), "\":0\" is not a port"},
    {SLICE_INIT("https://example.com:65536/"), "\":65536\" is not a port"},
    {SLICE_INIT("https://example.com:8o/"), "\":8o\" is not a port"},
    {SLICE_INIT("https://example.com/100%"), "byte 24: `%` is not followed by two hex digits"},
    {SLICE_INIT("https://example.com/%4"), "byte 21: `%` is not followed by two hex digits"},
    {SLICE_INIT("https://example.com/%zz"), "byte 21: `%` is not followed by two hex digits"},
    {SLICE_INIT("https://example.com/%0d%0aX:y"), "byte 21: %0D is an encoded control byte"},
    {SLICE_INIT("https://example.com/?a=%00"), "byte 24: %00 is an encoded control byte"},
    {SLICE_INIT("https://example.com/%7F"), "byte 21: %7F is an encoded control byte"},
};

static void test_addresses_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {"", ""};
        assert_false(landing_is_valid(bad[i].url, &err));
        assert_string_equal(err.text, bad[i].wrong);
        assert_false(image_url_is_valid(bad[i].url, &err));
        assert_string_equal(err.text, bad[i].wrong);
    }
}

static void test_the_length_is_limited(void **state)
{
    char url[URL_MAX + 2];
    struct err err;
    (void)state;
    memset(url, 'a', sizeof url);
    memcpy(url, "https://a.example/", sizeof "https://a.example/" - 1);
    assert_true(landing_is_valid(slice_of(url, LANDING_MAX), &err));
    assert_false(landing_is_valid(slice_of(url, LANDING_MAX + 1), &err));
    assert_string_equal(err.text, "the address has 2001 bytes, more than 2000");
    assert_true(image_url_is_valid(slice_of(url, URL_MAX), &err));
    assert_false(image_url_is_valid(slice_of(url, URL_MAX + 1), &err));
}

static void test_an_image_may_be_a_path_of_ours(void **state)
{
    struct err err;
    (void)state;
    assert_true(image_url_is_valid(SLICE("/assets/a.png"), &err));
    assert_true(image_url_is_valid(SLICE("/"), &err));
    assert_false(landing_is_valid(SLICE("/assets/a.png"), &err));
    assert_false(image_url_is_valid(SLICE("//evil.example/a.png"), &err));
    assert_false(image_url_is_valid(SLICE("/\\evil.example/a.png"), &err));
    assert_false(image_url_is_valid(SLICE("assets/a.png"), &err));
    assert_false(image_url_is_valid(SLICE("/a b.png"), &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_that_are_fine),
        cmocka_unit_test(test_addresses_that_are_refused),
        cmocka_unit_test(test_the_length_is_limited),
        cmocka_unit_test(test_an_image_may_be_a_path_of_ours),
    };
    return cmocka_run_group_tests_name("decision/landing", tests, NULL, NULL);
}
