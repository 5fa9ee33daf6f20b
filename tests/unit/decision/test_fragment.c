#include "decision/fragment.h"

#include "entries.h"
#include "unit.h"

#define HTML(html, ...)                                                     \
    FIELDS("campaign", "spring", "type", "html", "size", "300x250", "html", \
           html __VA_OPT__(, ) __VA_ARGS__)

static void assert_fragment(struct creative *creative, const char *fragment)
{
    assert_slice(creative->fragment, fragment);
    creative_release(creative);
}

static void test_the_members_and_their_order(void **state)
{
    (void)state;
    assert_fragment(
        make_creative("spring-970",
                      FIELDS("campaign", "spring", "type", "image", "size", "970x250", "image",
                             "https://cdn.example/a.png?x=1&y=2", "alt", "Tulips, \"half\" price",
                             "landing", "https://shop.example/")),
        "\"campaign\":\"spring\",\"creative\":\"spring-970\",\"type\":\"image\",\"width\":970,"
        "\"height\":250,\"image\":\"https://cdn.example/a.png?x=1\\u0026y=2\","
        "\"alt\":\"Tulips, \\\"half\\\" price\"");
    assert_fragment(make_image("a", "b", "1x8192", FIELDS()),
                    "\"campaign\":\"b\",\"creative\":\"a\",\"type\":\"image\",\"width\":1,"
                    "\"height\":8192,\"image\":\"/a.png\",\"alt\":\"\"");
    assert_fragment(
        make_creative("t", FIELDS("campaign", "spring", "type", "text", "title",
                                  "Gr\xc3\xbc\xc3\x9f"
                                  "e",
                                  "landing", "https://shop.example/")),
        "\"campaign\":\"spring\",\"creative\":\"t\",\"type\":\"text\",\"title\":\"Gr\xc3\xbc\xc3\x9f"
        "e\",\"body\":\"\",\"cta\":\"\"");
    assert_fragment(make_creative("h", HTML("<b>\n</b>{color}")),
                    "\"campaign\":\"spring\",\"creative\":\"h\",\"type\":\"html\",\"width\":300,"
                    "\"height\":250,\"html\":\"\\u003cb\\u003e\\u000a\\u003c/b\\u003e{color}\"");
}

static void assert_parts(const char *html, const char *const *parts)
{
    struct creative *creative = make_creative("h", HTML(html, "landing", "https://shop.example/"));
    unsigned count = 0;
    while (parts[count])
        count++;
    assert_int_equal(creative->content.pieces.count, count);
    for (unsigned i = 0; i < count; i++)
        assert_slice(creative->content.pieces.item[i], parts[i]);
    assert_fragment(creative, "\"campaign\":\"spring\",\"creative\":\"h\",\"type\":\"html\","
                              "\"width\":300,\"height\":250");
}

static void test_html_is_cut_at_click_url(void **state)
{
    (void)state;
    assert_parts("<a href=\"{click_url}\">go</a>",
                 FIELDS("\\u003ca href=\\\"", "\\\"\\u003ego\\u003c/a\\u003e"));
    assert_parts("{click_url}", FIELDS("", ""));
    assert_parts("{click_url}{click_url}", FIELDS("", "", ""));
    assert_parts("a{click_url}b{c}d{click_url}e", FIELDS("a", "b{c}d", "e"));
    assert_parts("<{request}>{page_url:url}", FIELDS("\\u003c", "\\u003e", ""));
}

static void test_an_image_with_macros_is_left_out(void **state)
{
    (void)state;
    struct creative *creative = make_creative(
        "a", FIELDS("campaign", "b", "type", "image", "size", "1x2", "landing",
                    "https://shop.example/", "image", "/a.png?b&c={random}&d={campaign}"));
    assert_int_equal(creative->content.pieces.count, 2);
    assert_slice(creative->content.pieces.item[0], "/a.png?b&c=");
    assert_slice(creative->content.pieces.item[1], "&d=b");
    assert_fragment(creative, "\"campaign\":\"b\",\"creative\":\"a\",\"type\":\"image\","
                              "\"width\":1,\"height\":2,\"alt\":\"\"");
}

static void test_macros_that_never_change_are_part_of_it(void **state)
{
    (void)state;
    assert_fragment(make_creative("h", HTML("{campaign:url} {creative} {width}x{height:html}")),
                    "\"campaign\":\"spring\",\"creative\":\"h\",\"type\":\"html\",\"width\":300,"
                    "\"height\":250,\"html\":\"spring h 300x250\"");
}

static void test_the_whole_html_may_be_escaped(void **state)
{
    static char html[HTML_MAX + 1];
    (void)state;
    memset(html, '<', HTML_MAX);
    struct creative *creative = make_creative("h", HTML(html));
    assert_true(creative->fragment.len > (size_t)HTML_MAX * 6);
    creative_release(creative);

    memcpy(html, "{click_url}", sizeof "{click_url}" - 1);
    creative = make_creative("h", HTML(html, "landing", "https://shop.example/"));
    assert_int_equal(creative->content.pieces.item[1].len, (HTML_MAX - 11) * 6);
    creative_release(creative);
}

static void test_occurrences_are_limited(void **state)
{
    char html[(MACROS_MAX + 1) * (sizeof "{click_url}" - 1) + 1] = "";
    (void)state;
    for (unsigned i = 0; i < MACROS_MAX; i++)
        strcat(html, "{click_url}");
    struct creative *creative = make_creative("h", HTML(html, "landing", "https://shop.example/"));
    assert_int_equal(creative->content.pieces.count, MACROS_MAX + 1);
    creative_release(creative);
    strcat(html, "{click_url}");
    assert_true(slice_starts(
        slice_cstr(refusal_of(RECORD_CREATIVE, "h", HTML(html, "landing", "https://a.example/"))),
        SLICE("html: it holds more than 64 macros; allowed: ")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_members_and_their_order),
        cmocka_unit_test(test_html_is_cut_at_click_url),
        cmocka_unit_test(test_an_image_with_macros_is_left_out),
        cmocka_unit_test(test_macros_that_never_change_are_part_of_it),
        cmocka_unit_test(test_the_whole_html_may_be_escaped),
        cmocka_unit_test(test_occurrences_are_limited),
    };
    return cmocka_run_group_tests_name("decision/fragment", tests, NULL, NULL);
}
