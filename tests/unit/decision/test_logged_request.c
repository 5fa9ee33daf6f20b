#include "unit/decision/unit.h"

#include <stdio.h>
#include <string.h>

#include "decision/logged_request.h"

static struct logged_request sample(void)
{
    struct logged_request request = {
        .at_ms = INT64_C(1795435200123),
        .sample_ppm = 10000,
        .has_viewer = true,
        .viewer = UINT64_C(0xfedcba9876543210),
        .facts = {.domain = SLICE("blog.example"),
                  .path = SLICE("/sport/"),
                  .referrer = SLICE("search.example"),
                  .country = SLICE("DE"),
                  .region = SLICE("DE-BY"),
                  .language = SLICE("pt-BR"),
                  .device = DEVICE_TABLET,
                  .browser = BROWSER_OTHER,
                  .system = SYSTEM_WINDOWS,
                  .keywords = {SLICE("tea"), SLICE("two words")},
                  .keyword_count = 2,
                  .key_values = {{SLICE("section"), SLICE("sport")}},
                  .key_value_count = 1},
        .slots = {{SLICE("header"), 970}, {SLICE("post-top"), 0}},
        .slot_count = 2,
    };
    return request;
}

static struct strbuf written(const struct logged_request *request)
{
    struct strbuf bytes;
    strbuf_init(&bytes, LOGGED_REQUEST_MAX);
    logged_request_write(request, &bytes);
    return bytes;
}

static void comes_back_as_it_was(void **state)
{
    struct logged_request request = sample(), read;
    struct strbuf bytes = written(&request);
    (void)state;
    assert_true(logged_request_read(strbuf_slice(&bytes), &read));
    assert_int_equal(read.at_ms, request.at_ms);
    assert_int_equal(read.sample_ppm, 10000);
    assert_true(read.has_viewer);
    assert_true(read.viewer == request.viewer);
    assert_slice(read.facts.domain, "blog.example");
    assert_slice(read.facts.path, "/sport/");
    assert_slice(read.facts.referrer, "search.example");
    assert_slice(read.facts.country, "DE");
    assert_slice(read.facts.region, "DE-BY");
    assert_slice(read.facts.language, "pt-BR");
    assert_int_equal(read.facts.device, DEVICE_TABLET);
    assert_int_equal(read.facts.browser, BROWSER_OTHER);
    assert_int_equal(read.facts.system, SYSTEM_WINDOWS);
    assert_int_equal(read.facts.keyword_count, 2);
    assert_slice(read.facts.keywords[1], "two words");
    assert_int_equal(read.facts.key_value_count, 1);
    assert_slice(read.facts.key_values[0].name, "section");
    assert_slice(read.facts.key_values[0].value, "sport");
    assert_int_equal(read.slot_count, 2);
    assert_slice(read.slots[0].id, "header");
    assert_int_equal(read.slots[0].width, 970);
    assert_int_equal(read.slots[1].width, 0);
    strbuf_release(&bytes);
}

static void an_unknown_viewer_has_no_pseudonym(void **state)
{
    struct logged_request request = sample(), read;
    (void)state;
    request.has_viewer = false;
    struct strbuf bytes = written(&request);
    assert_true(logged_request_read(strbuf_slice(&bytes), &read));
    assert_false(read.has_viewer);
    assert_true(read.viewer == 0);
    strbuf_release(&bytes);
}

static void what_no_rule_can_name_is_left_out(void **state)
{
    struct logged_request request = sample(), read;
    char text[129];
    (void)state;
    memset(text, 'x', sizeof text);
    request.facts.keywords[0] = slice_of(text, sizeof text);
    request.facts.key_values[0].value = slice_of(text, sizeof text);
    struct strbuf bytes = written(&request);
    assert_true(logged_request_read(strbuf_slice(&bytes), &read));
    assert_int_equal(read.facts.keyword_count, 1);
    assert_slice(read.facts.keywords[0], "two words");
    assert_int_equal(read.facts.key_value_count, 0);
    strbuf_release(&bytes);
}

static void every_truncation_is_refused(void **state)
{
    struct logged_request request = sample(), read;
    struct strbuf bytes = written(&request);
    (void)state;
    for (size_t len = 0; len < bytes.len; len++)
        assert_false(logged_request_read(slice_of(bytes.ptr, len), &read));
    strbuf_add_char(&bytes, '\0');
    assert_false(logged_request_read(strbuf_slice(&bytes), &read));
    strbuf_release(&bytes);
}

static void values_out_of_range_are_refused(void **state)
{
    static const struct {
        size_t at;
        char byte;
    } rows[] = {
        {0, 2}, {7, 1}, {11, 2}, {20, DEVICE_COUNT}, {21, BROWSER_COUNT}, {22, SYSTEM_COUNT}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct logged_request request = sample(), read;
        struct strbuf bytes = written(&request);
        bytes.ptr[rows[i].at] = rows[i].byte;
        if (logged_request_read(strbuf_slice(&bytes), &read))
            fail_msg("byte %zu", rows[i].at);
        strbuf_release(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(an_unknown_viewer_has_no_pseudonym),
        cmocka_unit_test(what_no_rule_can_name_is_left_out),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(values_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
