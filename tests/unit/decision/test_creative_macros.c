#include "decision/creative_macros.h"

#include <stdio.h>

#include "entries.h"
#include "unit.h"

#define HTML(html, ...)                                                     \
    FIELDS("campaign", "spring", "type", "html", "size", "300x250", "html", \
           html __VA_OPT__(, ) __VA_ARGS__)
#define TEXT(landing) FIELDS("campaign", "spring", "type", "text", "title", "T", "landing", landing)
#define IMAGE(image)                                                            \
    FIELDS("campaign", "spring", "type", "image", "size", "300x250", "landing", \
           "https://shop.example/", "image", image)

#define X64  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X512 X64 X64 X64 X64 X64 X64 X64 X64

/* What every macro stands for in these tests. */
static const char *values[MACRO_COUNT];

static void add_value(const struct macro_use *use, void *arg, struct strbuf *to)
{
    (void)arg;
    macro_add(use, slice_cstr(values[use->macro]), to);
    if (use->destination > 0)
        strbuf_addf(to, "%u", use->destination);
}

static void assert_expands(const struct macro_text *text, const char *expected)
{
    struct strbuf expanded;
    strbuf_init(&expanded, 65536);
    macro_text_expand(text, add_value, NULL, &expanded);
    assert_slice(strbuf_slice(&expanded), expected);
    strbuf_release(&expanded);
}

static int set_values(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MACRO_COUNT; i++)
        values[i] = macro_words[i];
    values[MACRO_PAGE_URL] = "https://blog.example/a b?c='d'&e=\"f\"";
    values[MACRO_PAGE_DOMAIN] = "blog.example";
    values[MACRO_CLICK_URL] = "https://ads.example/v1/c/T";
    return 0;
}

/* ---- Encodings ------------------------------------------------------------------------------- */

static void assert_html(const char *html, const char *expected)
{
    struct creative *creative = make_creative("h", HTML(html, "landing", "https://shop.example/"));
    assert_expands(&creative->content, expected);
    creative_release(creative);
}

static void test_values_in_html(void **state)
{
    (void)state;
    assert_html("{page_url}", "https://blog.example/a%20b?c=%27d%27\\u0026amp;e=%22f%22");
    assert_html("{page_url:html}", "https://blog.example/a%20b?c=%27d%27\\u0026amp;e=%22f%22");
    assert_html("{page_url:url}", "https%3A%2F%2Fblog.example%2Fa%20b%3Fc%3D%27d%27%26e%3D%22f%22");
    assert_html("{click_url} {click_url:url}",
                "https://ads.example/v1/c/T https%3A%2F%2Fads.example%2Fv1%2Fc%2FT");
    assert_html("{request}{slot:url}{timestamp:html}-{random}", "requestslottimestamp-random");
    assert_html("<{page_domain}{campaign}>{creative}", "\\u003cblog.examplespring\\u003eh");
}

/* Bytes that end or begin something in text, attributes, scripts, comments or style sheets. */
static void test_hostile_bytes_never_come_through(void **state)
{
    char all[256], expected[8];
    struct creative *creative =
        make_creative("h", HTML("[\"{page_url}\"]{page_url:url}", "landing", "https://a.example/"));
    (void)state;
    for (unsigned i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    values[MACRO_PAGE_URL] = all;
    for (unsigned i = 0; i < 2; i++) {
        struct strbuf to;
        const struct macro_use *use = &macro_text_uses(&creative->content)[i];
        strbuf_init(&to, 65536);
        macro_add(use, slice_cstr(all), &to);
        for (size_t at = 0; at < to.len; at++)
            assert_true(to.ptr[at] > 0x20 && to.ptr[at] < 0x7f &&
                        !strchr("\"'<>`(){}*$|^", to.ptr[at]));
        for (const char *byte = "\"'<>`(){}*$\\|^\n\r\t \x7f\x80\xff"; *byte; byte++) {
            (void)snprintf(expected, sizeof expected, "%%%02X", (unsigned char)*byte);
            assert_non_null(strstr(to.ptr, expected));
        }
        strbuf_release(&to);
    }
    creative_release(creative);
    (void)set_values(NULL);
}

/* Wherever it stands, clicks of the creative are to be remembered. */
static void test_who_has_a_click_id(void **state)
{
    struct creative *creative;
    (void)state;
    creative = make_creative("t", TEXT("https://shop.example/?c={click_id:url}&d={click_id}"));
    assert_expands(&creative->landing_text, "https://shop.example/?c=click_id&d=click_id");
    assert_true(creative->has_click_id);
    creative_release(creative);
    creative = make_creative("i", IMAGE("https://pictures.example/{click_id}.png"));
    assert_true(creative->has_click_id);
    creative_release(creative);
    creative =
        make_creative("h", HTML("{click_url}{click_id:html}", "landing", "https://a.example/"));
    assert_true(creative->has_click_id);
    creative_release(creative);
    creative =
        make_creative("h", HTML("{click_url}{click_ids}", "landing", "https://a.example/{slot}"));
    assert_false(creative->has_click_id);
    creative_release(creative);
}

static void test_values_in_addresses_are_components(void **state)
{
    (void)state;
    struct creative *creative = make_creative(
        "t",
        TEXT(
            "https://shop.example/{creative}?u={page_url}&h={page_url:html}&c={slot:url}#{random}"));
    assert_expands(&creative->landing_text,
                   "https://shop.example/t?"
                   "u=https%3A%2F%2Fblog.example%2Fa%20b%3Fc%3D%27d%27%26e%3D%22f%22&"
                   "h=https%3A%2F%2Fblog.example%2Fa%20b%3Fc%3D%27d%27%26e%3D%22f%22&"
                   "c=slot#random");
    creative_release(creative);
    creative = make_creative("i", IMAGE("/i/{width}x{height}.png?c={click_url}&d={page_domain}"));
    assert_expands(&creative->content, "/i/300x250.png?c=https%3A%2F%2Fads.example%2Fv1%2Fc%2FT&"
                                       "d=blog.example");
    creative_release(creative);
}

static void test_values_that_never_change_leave_no_macros(void **state)
{
    (void)state;
    struct creative *creative =
        make_creative("t", TEXT("https://shop.example/?{campaign}-{creative}-{width}x{height}"));
    assert_slice(creative->landing, "https://shop.example/?spring-t-0x0");
    assert_int_equal(creative->landing_text.pieces.count, 0);
    creative_release(creative);
}

/* ---- Where macros may stand ------------------------------------------------------------------ */

static void assert_refused(const char *const *fields, const char *begins)
{
    const char *refusal = refusal_of(RECORD_CREATIVE, "c", fields);
    if (!slice_starts(slice_cstr(refusal), slice_cstr(begins)))
        fail_msg("\"%s\" does not begin with \"%s\"", refusal, begins);
    assert_non_null(strstr(refusal, "; allowed: "));
}

/* As long as the longest of them needs. */
static void test_a_landing_has_room_for_its_click_id(void **state)
{
    char landing[LANDING_MAX + 16] = "https://shop.example/";
    size_t len = strlen(landing);
    (void)state;
    memset(landing + len, 'a', LANDING_MAX - CLICK_ID_MAX - len);
    strcpy(landing + LANDING_MAX - CLICK_ID_MAX, "{click_id}");
    struct creative *creative = make_creative("t", TEXT(landing));
    creative_release(creative);
    strcpy(landing + LANDING_MAX - CLICK_ID_MAX, "a{click_id}");
    assert_refused(TEXT(landing), "landing: with its macros' longest values");
}

static void assert_fine(const char *const *fields)
{
    assert_string_equal(refusal_of(RECORD_CREATIVE, "c", fields), "");
}

static void test_never_in_scheme_host_or_port(void **state)
{
    (void)state;
    static const char *const places[] = {
        "https://shop.example{random}/",
        "https://{page_domain}/",
        "https://{campaign}.shop.example/",
        "https://shop.example:{width}/",
        "https://shop.example:8{random}/",
        "https://shop.example{page_url}",
        "https://shop.{page_domain}?a",
        "http{slot}://shop.example/",
        "{page_url}",
        "{page_domain}/a",
        "https://{slot}@shop.example/",
        "https:/{slot}/shop.example/",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_refused(TEXT(places[i]), "landing: ");
        assert_refused(IMAGE(places[i]), "image: ");
    }
    assert_refused(TEXT("https://{page_domain}/"),
                   "landing: a macro stands in its scheme, host or port");
    assert_refused(IMAGE("/{page_domain}/evil.example/a.png"),
                   "image: with its macros' longest values: ");
    assert_refused(IMAGE("/{page_domain:url}{page_url}/evil.example/a.png"), "image: with its ");
    assert_refused(IMAGE("//{slot}/a.png"), "image: \"//xxxxxx/a.png\" does not begin with");
    assert_fine(TEXT("https://shop.example/{slot}"));
    assert_fine(TEXT("https://shop.example?{page_url}"));
    assert_fine(TEXT("https://[2001:db8::1]:80#{page_url}"));
    assert_fine(IMAGE("/{slot}/a.png"));
    assert_fine(IMAGE("/{page_domain}{slot}/a.png"));
}

static void test_what_addresses_may_hold(void **state)
{
    (void)state;
    assert_refused(TEXT("https://a.example/?{click_url:url}"),
                   "landing: \"{click_url:url}\" can't stand in the address that the click leads");
    assert_refused(TEXT("https://a.example/?{click_url=https://b.example/}"),
                   "landing: \"{click_url=https://b.example/}\" may stand in html alone");
    assert_refused(IMAGE("/a?{click_url=https://b.example/}"),
                   "image: \"{click_url=https://b.example/}\" may stand in html alone");
    assert_refused(TEXT("https://a.example/%{width}"),
                   "landing: byte 19: `%` is not followed by two hex digits");
}

static void test_an_address_fits_with_its_longest_values(void **state)
{
    char landing[LANDING_MAX + 1];
    (void)state;
    /* {slot} has 6 bytes and may become 64; {page_url} may become nothing. */
    (void)snprintf(landing, sizeof landing,
                   "https://a.example/" X512 X512 X512 "%.*s{slot}{page_url}",
                   LANDING_MAX - 18 - 1536 - 64, X512);
    assert_fine(TEXT(landing));
    (void)snprintf(landing, sizeof landing,
                   "https://a.example/" X512 X512 X512 "%.*s{slot}{page_url}",
                   LANDING_MAX - 18 - 1536 - 63, X512);
    assert_refused(TEXT(landing), "landing: with its macros' longest values: the address has 2001 "
                                  "bytes, more than 2000");
}

/* ---- Destinations ---------------------------------------------------------------------------- */

static void test_destinations_are_kept_once(void **state)
{
    (void)state;
    struct creative *creative = make_creative(
        "h", HTML("{click_url=https://a.example/1} {click_url:url=https://b.a.example:8080/?2} "
                  "{click_url:html=https://a.example/1}",
                  "click_domains", "a.example"));
    assert_int_equal(creative->destinations.count, 2);
    assert_slice(creative->destinations.item[0], "https://a.example/1");
    assert_slice(creative->destinations.item[1], "https://b.a.example:8080/?2");
    assert_expands(&creative->content, "https://ads.example/v1/c/T1 "
                                       "https%3A%2F%2Fads.example%2Fv1%2Fc%2FT2 "
                                       "https://ads.example/v1/c/T1");
    creative_release(creative);
}

static void test_where_destinations_may_lead(void **state)
{
    (void)state;
    assert_fine(HTML("{click_url=https://A.Example/}", "click_domains", "a.example"));
    assert_fine(HTML("{click_url=http://x.y.a.example?}", "click_domains", "a.example,b.example"));
    assert_fine(HTML("{click_url=https://SHOP.example:8443/b}", "landing", "http://shop.example/"));
    assert_fine(HTML("{click_url=https://[::1]/b}", "landing", "http://[::1]:80/?{page_url}"));
#define NEITHER(to, host) "html: {click_url=" to "}: \"" host "\" is neither in click_domains nor"
    static const struct {
        const char *to, *host;
    } outside[] = {
        {"https://aa.example/", "aa.example"},
        {"https://xa.example/", "xa.example"},
        {"https://example/", "example"},
        {"https://a.example.evil.example/", "a.example.evil.example"},
        {"https://evil.example/a.example", "evil.example"},
        {"https://below.shop.example/", "below.shop.example"},
        {"https://evil.example?https://a.example/", "evil.example"},
    };
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        char html[256], begins[256];
        (void)snprintf(html, sizeof html, "{click_url=%s}", outside[i].to);
        (void)snprintf(begins, sizeof begins, NEITHER("%s", "%s"), outside[i].to, outside[i].host);
        assert_refused(HTML(html, "click_domains", "a.example", "landing", "https://shop.example/"),
                       begins);
    }
}

static void test_destinations_are_landings(void **state)
{
    static const struct {
        const char *html, *begins;
    } rows[] = {
        {"{click_url=javascript:alert(1)}",
         "html: {click_url=javascript:alert(1)}: \"javascript:alert(1)\" does not begin with"},
        {"{click_url=https://u@a.example/}",
         "html: {click_url=https://u@a.example/}: the address holds a user name or password"},
        {"{click_url=https://a.example/%0a}",
         "html: {click_url=https://a.example/%0a}: byte 19: %0A is an encoded control byte"},
        {"{click_url=/a}", "html: {click_url=/a}: \"/a\" does not begin with"},
        {"{click_url=}", "html: {click_url=}: \"\" does not begin with"},
        {"{click_url=https://a.example/{slot}}",
         "html: {click_url=https://a.example/{slot}: a brace may not stand in where a click leads"},
        {"{click_url=https://a.example/",
         "html: \"{click_url=https://a.example/\" has no closing brace"},
        {"{click_url=https://a.example/\"}",
         "html: {click_url=https://a.example/\"}: byte 19 (\"\"\") may not stand in an address"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(HTML(rows[i].html, "click_domains", "a.example"), rows[i].begins);
}

static void test_click_url_alone_needs_a_landing(void **state)
{
    (void)state;
    assert_refused(HTML("{click_url:url}"), "landing: html holds {click_url} and needs it");
    assert_refused(HTML("{click_url=https://a.example/}{click_url}", "click_domains", "a.example"),
                   "landing: html holds {click_url} and needs it");
    assert_fine(HTML("{page_url}{random}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_html),
        cmocka_unit_test(test_hostile_bytes_never_come_through),
        cmocka_unit_test(test_values_in_addresses_are_components),
        cmocka_unit_test(test_who_has_a_click_id),
        cmocka_unit_test(test_a_landing_has_room_for_its_click_id),
        cmocka_unit_test(test_values_that_never_change_leave_no_macros),
        cmocka_unit_test(test_never_in_scheme_host_or_port),
        cmocka_unit_test(test_what_addresses_may_hold),
        cmocka_unit_test(test_an_address_fits_with_its_longest_values),
        cmocka_unit_test(test_destinations_are_kept_once),
        cmocka_unit_test(test_where_destinations_may_lead),
        cmocka_unit_test(test_destinations_are_landings),
        cmocka_unit_test(test_click_url_alone_needs_a_landing),
    };
    return cmocka_run_group_tests_name("decision/creative_macros", tests, set_values, NULL);
}
