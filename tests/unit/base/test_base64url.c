#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64url.h"
#include "base/random.h"

/* RFC 4648 section 10, and the two characters in which base64url differs from base64. */
static const struct {
    struct slice bytes, text;
} vectors[] = {
    {SLICE_INIT(""), SLICE_INIT("")},
    {SLICE_INIT("f"), SLICE_INIT("Zg")},
    {SLICE_INIT("fo"), SLICE_INIT("Zm8")},
    {SLICE_INIT("foo"), SLICE_INIT("Zm9v")},
    {SLICE_INIT("foob"), SLICE_INIT("Zm9vYg")},
    {SLICE_INIT("fooba"), SLICE_INIT("Zm9vYmE")},
    {SLICE_INIT("foobar"), SLICE_INIT("Zm9vYmFy")},
    {SLICE_INIT("\xfb\xff\xfe"), SLICE_INIT("-__-")},
    {SLICE_INIT("\0\0\0"), SLICE_INIT("AAAA")},
};

static void test_vectors_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct slice bytes = vectors[i].bytes;
        struct slice text = vectors[i].text;
        char encoded[16];
        char decoded[16];
        size_t len = base64url_encode(encoded, bytes.ptr, bytes.len);
        assert_int_equal(len, BASE64URL_ENCODED_LEN(bytes.len));
        assert_true(slice_eq(slice_of(encoded, len), text));
        assert_true(base64url_decode(text, decoded, sizeof decoded, &len));
        assert_true(slice_eq(slice_of(decoded, len), bytes));
    }
}

static void test_every_length_comes_back(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1);
    for (size_t len = 0; len < 200; len++) {
        uint8_t bytes[200], back[200];
        char text[BASE64URL_ENCODED_LEN(200)];
        size_t back_len;
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)random_u64(&random);
        size_t text_len = base64url_encode(text, bytes, len);
        assert_true(text_len == BASE64URL_ENCODED_LEN(len));
        assert_true(len == BASE64URL_DECODED_MAX(text_len));
        assert_true(base64url_decode(slice_of(text, text_len), back, len, &back_len));
        assert_int_equal(back_len, len);
        assert_memory_equal(back, bytes, len);
    }
}

static void check_refused(struct slice text)
{
    char bytes[32];
    size_t len = 4711;
    assert_false(base64url_decode(text, bytes, sizeof bytes, &len));
    assert_int_equal(len, 4711);
}

static void test_every_byte_outside_the_alphabet_is_refused(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text[4] = {'A', (char)byte, 'A', 'A'};
        char bytes[3];
        size_t len;
        bool known = memchr(alphabet, byte, sizeof alphabet - 1) != NULL;
        assert_int_equal(base64url_decode(slice_of(text, 4), bytes, 3, &len), known);
    }
}

static void test_padding_and_impossible_lengths_are_refused(void **state)
{
    (void)state;
    check_refused(SLICE("A"));
    check_refused(SLICE("AAAAA"));
    check_refused(SLICE("Zg=="));
    check_refused(SLICE("Zm8="));
}

/* The last character of "Zg" has four unused bits, that of "Zm8" two. */
static void test_one_text_alone_stands_for_some_bytes(void **state)
{
    (void)state;
    check_refused(SLICE("Zh"));
    check_refused(SLICE("Zv"));
    check_refused(SLICE("Zm9"));
    check_refused(SLICE("Zm-"));
}

static void test_too_little_room_is_refused(void **state)
{
    (void)state;
    char bytes[6] = "......";
    size_t len = 4711;
    assert_false(base64url_decode(SLICE("Zm9vYmFy"), bytes, 5, &len));
    assert_memory_equal(bytes, "......", 6);
    assert_true(base64url_decode(SLICE("Zm9vYmFy"), bytes, 6, &len));
    assert_int_equal(len, 6);
    assert_true(base64url_decode(slice_of(NULL, 0), NULL, 0, &len));
    assert_int_equal(len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_both_ways),
        cmocka_unit_test(test_every_length_comes_back),
        cmocka_unit_test(test_every_byte_outside_the_alphabet_is_refused),
        cmocka_unit_test(test_padding_and_impossible_lengths_are_refused),
        cmocka_unit_test(test_one_text_alone_stands_for_some_bytes),
        cmocka_unit_test(test_too_little_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
