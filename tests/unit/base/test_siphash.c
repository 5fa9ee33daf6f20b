#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

/* The key of the authors' reference: bytes 00 to 0f. The texts are 00, 01, 02 … likewise. */
static const struct siphash_key reference = {UINT64_C(0x0706050403020100),
                                             UINT64_C(0x0f0e0d0c0b0a0908)};

static void it_gives_the_numbers_of_the_reference(void **state)
{
    static const struct {
        size_t len;
        uint64_t expected;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},
        {1, UINT64_C(0x74f839c593dc67fd)},
        {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    char text[16];
    (void)state;
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(siphash(reference, slice_of(text, rows[i].len)), rows[i].expected);
    assert_int_equal(siphash(reference, slice_of(NULL, 0)), rows[0].expected);
}

static void keys_differ(void **state)
{
    (void)state;
    struct siphash_key one = siphash_key_random(), other = siphash_key_random();
    assert_int_not_equal(siphash(one, SLICE("agent")), siphash(other, SLICE("agent")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_gives_the_numbers_of_the_reference),
        cmocka_unit_test(keys_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
