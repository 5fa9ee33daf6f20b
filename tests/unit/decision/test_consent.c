#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/base64url.h"
#include "decision/consent.h"

#define CORE_BYTES 28 /* of a core segment without vendors */

/* The core segment of a TCF string: version in the first 6 bits, 24 purposes from bit 152 on. */
static struct slice core(char *text, unsigned version, uint32_t purposes)
{
    uint8_t bytes[CORE_BYTES];
    memset(bytes, 0x5a, sizeof(bytes)); /* dates and vendors: no matter what */
    bytes[0] = (uint8_t)(version << 2 | (bytes[0] & 3));
    for (unsigned i = 0; i < 3; i++)
        bytes[19 + i] = (uint8_t)(purposes >> (16 - 8 * i));
    return slice_of(text, base64url_encode(text, bytes, sizeof(bytes)));
}

static bool allows(unsigned version, uint32_t purposes)
{
    char text[64];
    return consent_allows_storage(core(text, version, purposes));
}

static void test_purpose_1_alone_decides(void **state)
{
    (void)state;
    assert_true(allows(2, 0x800000));
    assert_true(allows(2, 0xffffff));
    assert_false(allows(2, 0x7fffff));
    assert_false(allows(2, 0));
}

static void test_other_versions_refuse(void **state)
{
    (void)state;
    for (unsigned version = 0; version < 64; version++)
        assert_int_equal(allows(version, 0xffffff), version == 2);
}

/* As consent platforms write them: segments behind the core, separated by dots. */
static void test_further_segments_change_nothing(void **state)
{
    char text[128];
    struct slice yes = core(text, 2, 0x800000);
    (void)state;
    memcpy(text + yes.len, ".YAAAAAAAAAAA", 13);
    assert_true(consent_allows_storage(slice_of(text, yes.len + 13)));
    struct slice no = core(text, 2, 0x400000);
    memcpy(text + no.len, ".YAAAAAAAAAAA", 13);
    assert_false(consent_allows_storage(slice_of(text, no.len + 13)));
}

static void test_no_string_refuses_nothing(void **state)
{
    (void)state;
    assert_true(consent_allows_storage(SLICE("")));
    assert_true(consent_allows_storage(slice_of(NULL, 0)));
}

static void test_what_is_not_understood_refuses(void **state)
{
    static const struct slice texts[] = {
        SLICE_INIT("1"), /* a GPP section id */
        SLICE_INIT("DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"),
        SLICE_INIT("yes"),
        SLICE_INIT("C"),
        SLICE_INIT("                                        "),
        SLICE_INIT("C+++++++++++++++++++++++++++++++++++++++"),
        SLICE_INIT("C\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_false(consent_allows_storage(texts[i]));
}

static void test_every_truncation_before_the_purposes_refuses(void **state)
{
    char text[64];
    struct slice whole = core(text, 2, 0xffffff);
    (void)state;
    for (size_t len = 1; len < 28; len++)
        assert_false(consent_allows_storage(slice_of(whole.ptr, len)));
}

static void test_too_long_refuses(void **state)
{
    static char text[CONSENT_MAX + 1];
    struct slice whole = core(text, 2, 0xffffff);
    (void)state;
    memset(text + whole.len, 'A', sizeof(text) - whole.len);
    assert_true(consent_allows_storage(slice_of(text, CONSENT_MAX)));
    assert_false(consent_allows_storage(slice_of(text, CONSENT_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_purpose_1_alone_decides),
        cmocka_unit_test(test_other_versions_refuse),
        cmocka_unit_test(test_further_segments_change_nothing),
        cmocka_unit_test(test_no_string_refuses_nothing),
        cmocka_unit_test(test_what_is_not_understood_refuses),
        cmocka_unit_test(test_every_truncation_before_the_purposes_refuses),
        cmocka_unit_test(test_too_long_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
