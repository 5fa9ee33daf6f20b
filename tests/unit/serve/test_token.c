#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "serve/token.h"
#include "unit/serve/ring.h"

#define NOW_US (INT64_C(1760000000) * US_PER_SECOND)
#define DAY_S  INT64_C(86400)
#define DAY_MS (DAY_S * 1000)
#define NOW_S  (NOW_US / US_PER_SECOND)
#define TOKENS 100
#define PARTS  9 /* version, key, time, impression, campaign, creative, slot, landing, MAC */

static struct token_codec *codec;
static const struct token_times times = {.page_ttl_ms = DAY_MS, .click_id_ttl_ms = 31 * DAY_MS};

static struct token_codec *new_codec(void)
{
    struct err err = {0};
    struct token_codec *made = token_codec_new(ring_path(), times, &err);
    if (!made)
        print_error("%s: %s\n", err.where, err.text);
    return made;
}

static int set_up(void **state)
{
    const struct ring_key key = {7, NOW_S - 1000};
    (void)state;
    ring_write(&key, 1, 0600);
    codec = new_codec();
    return codec ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    token_codec_free(codec);
    ring_remove();
    return 0;
}

/* A text and the token it stands for. */
struct signed_token {
    struct token token;
    char campaign[ID_MAX], creative[ID_MAX], slot[ID_MAX], landing[LANDING_MAX];
    char text[TOKEN_TEXT_MAX];
    size_t len;
};

static struct slice random_text(struct random *random, char *to, size_t min, size_t max)
{
    size_t len = min + random_below(random, max - min + 1);
    for (size_t i = 0; i < len; i++)
        to[i] = "abcdefghijklmnopqrstuvwxyz0123456789._-"[random_below(random, i ? 39 : 36)];
    return slice_of(to, len);
}

static void make_token(struct random *random, struct signed_token *ret)
{
    ret->token.issued_ms = NOW_US / 1000 - (int64_t)random_below(random, 1000000);
    for (size_t i = 0; i < IMPRESSION_BYTES; i++)
        ret->token.impression[i] = (uint8_t)random_u64(random);
    ret->token.campaign = random_text(random, ret->campaign, 1, 20);
    ret->token.creative = random_text(random, ret->creative, 1, 20);
    ret->token.slot = random_text(random, ret->slot, 1, 12);
    ret->token.landing = random_text(random, ret->landing, 0, 60);
    ret->len = token_sign(codec, &ret->token, ret->text);
}

static bool verifies(struct slice text)
{
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token token;
    return token_verify(codec, text, NOW_US, bytes, &token);
}

static struct slice text_of(const struct signed_token *made)
{
    return slice_of(made->text, made->len);
}

static void assert_same(const struct token *a, const struct token *b)
{
    assert_true(a->issued_ms == b->issued_ms);
    assert_memory_equal(a->impression, b->impression, IMPRESSION_BYTES);
    assert_true(slice_eq(a->campaign, b->campaign));
    assert_true(slice_eq(a->creative, b->creative));
    assert_true(slice_eq(a->slot, b->slot));
    assert_true(slice_eq(a->landing, b->landing));
}

static void assert_comes_back(const struct signed_token *made)
{
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token back;
    assert_true(token_verify(codec, text_of(made), NOW_US, bytes, &back));
    assert_same(&made->token, &back);
}

/*
 * The bytes the header describes, with key 7, put together and signed by Python's hmac and base64:
 * a token made by an older server must stay good.
 */
static void test_the_format_is_the_documented_one(void **state)
{
    static const char expected[] =
        "AQAAAAcBmcgswAAAAQIDBAUGBwgJCgsMDQ4PBnNwcmluZwpzcHJpbmctOTcwBmhlYWRlcgAZaHR0cHM6"
        "Ly9zaG9wLmV4YW1wbGUvP2E9MU-ly8lAApcoPWNemqxFeZ4";
    struct signed_token made = {
        .token =
            {
                .issued_ms = INT64_C(1760000000000),
                .campaign = SLICE("spring"),
                .creative = SLICE("spring-970"),
                .slot = SLICE("header"),
                .landing = SLICE("https://shop.example/?a=1"),
            },
    };
    (void)state;
    for (uint8_t i = 0; i < IMPRESSION_BYTES; i++)
        made.token.impression[i] = i;
    made.len = token_sign(codec, &made.token, made.text);
    assert_int_equal(made.len, strlen(expected));
    assert_memory_equal(made.text, expected, made.len);
    assert_comes_back(&made);
}

static void test_every_length_comes_back(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 1);
    for (unsigned i = 0; i < 1000; i++) {
        struct signed_token made;
        make_token(&random, &made);
        assert_comes_back(&made);
    }
}

static void test_the_longest_fits(void **state)
{
    struct signed_token made = {.token = {.issued_ms = (INT64_C(1) << 48) - 1}};
    (void)state;
    memset(made.campaign, 'c', ID_MAX);
    memset(made.landing, 'l', LANDING_MAX);
    made.token.campaign = made.token.creative = made.token.slot = slice_of(made.campaign, ID_MAX);
    made.token.landing = slice_of(made.landing, LANDING_MAX);
    made.len = token_sign(codec, &made.token, made.text);
    assert_int_equal(made.len, TOKEN_TEXT_MAX);
    assert_comes_back(&made);
}

/* Ids name keys of Redis: what is none is refused, though it is signed. */
static void test_what_is_no_id_is_refused(void **state)
{
    static const char *const no_ids[] = {"",    ".a",  "A",   "a b", "a\r\nFLUSHALL",
                                         "a|b", "{a}", "a}{b"};
    (void)state;
    for (size_t i = 0; i < sizeof no_ids / sizeof *no_ids; i++)
        for (unsigned field = 0; field < 3; field++) {
            struct signed_token made = {.token = {NOW_US / 1000,
                                                  {0},
                                                  SLICE("a"),
                                                  SLICE("b"),
                                                  SLICE("c"),
                                                  SLICE("https://d.example/")}};
            struct slice *ids[] = {&made.token.campaign, &made.token.creative, &made.token.slot};
            made.len = token_sign(codec, &made.token, made.text);
            assert_true(verifies(text_of(&made)));
            *ids[field] = slice_of(no_ids[i], strlen(no_ids[i]));
            made.len = token_sign(codec, &made.token, made.text);
            assert_false(verifies(text_of(&made)));
        }
}

static void test_every_bit_of_100_tokens(void **state)
{
    struct random random;
    size_t flips = 0;
    (void)state;
    random_seed(&random, 2);
    for (unsigned i = 0; i < TOKENS; i++) {
        struct signed_token made;
        make_token(&random, &made);
        for (size_t bit = 0; bit < made.len * 8; bit++, flips++) {
            made.text[bit / 8] = (char)(made.text[bit / 8] ^ (1 << bit % 8));
            assert_false(verifies(text_of(&made)));
            made.text[bit / 8] = (char)(made.text[bit / 8] ^ (1 << bit % 8));
        }
        assert_comes_back(&made);
    }
    assert_true(flips > TOKENS * 8 * 60);
}

/* ---- Click ids: tokens without landing, and no tokens ---- */

static size_t sign_click_id(const struct signed_token *made, char text[CLICK_ID_TEXT_MAX])
{
    return token_sign_click_id(codec, &made->token, text);
}

static bool is_click_id(struct slice text, int64_t now_us)
{
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token token;
    return token_verify_click_id(codec, text, now_us, bytes, &token);
}

static void test_click_ids_come_back(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 5);
    for (unsigned i = 0; i < 1000; i++) {
        char text[CLICK_ID_TEXT_MAX];
        uint8_t bytes[TOKEN_BYTES_MAX];
        struct signed_token made;
        struct token back;
        make_token(&random, &made);
        size_t len = sign_click_id(&made, text);
        assert_true(token_verify_click_id(codec, slice_of(text, len), NOW_US, bytes, &back));
        made.token.landing = slice_of(NULL, 0);
        assert_same(&made.token, &back);
        assert_true(back.converts);
        assert_false(verifies(slice_of(text, len)));
        assert_false(is_click_id(text_of(&made), NOW_US));
    }
}

/* As long as creatives are checked with, and no longer. */
static void test_the_longest_click_id(void **state)
{
    char ids[ID_MAX], text[CLICK_ID_TEXT_MAX];
    struct signed_token made = {.token = {.issued_ms = (INT64_C(1) << 48) - 1}};
    (void)state;
    memset(ids, 'c', ID_MAX);
    made.token.campaign = made.token.creative = made.token.slot = slice_of(ids, ID_MAX);
    assert_int_equal(sign_click_id(&made, text), CLICK_ID_TEXT_MAX);
    assert_true(is_click_id(slice_of(text, CLICK_ID_TEXT_MAX), NOW_US));
}

static void test_every_bit_of_click_ids(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 6);
    for (unsigned i = 0; i < TOKENS; i++) {
        char text[CLICK_ID_TEXT_MAX];
        struct signed_token made;
        make_token(&random, &made);
        size_t len = sign_click_id(&made, text);
        for (size_t bit = 0; bit < len * 8; bit++) {
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
            assert_false(is_click_id(slice_of(text, len), NOW_US));
            text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
        }
        for (size_t cut = 0; cut < len; cut++)
            assert_false(is_click_id(slice_of(text, cut), NOW_US));
    }
}

/* A token says whether conversions may follow its click; nothing else about it is different. */
static void test_what_conversions_may_follow(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 7);
    for (unsigned i = 0; i < TOKENS; i++) {
        struct signed_token made;
        uint8_t bytes[TOKEN_BYTES_MAX];
        struct token back;
        make_token(&random, &made);
        size_t plain = made.len;
        made.token.converts = true;
        made.len = token_sign(codec, &made.token, made.text);
        assert_int_equal(made.len, plain);
        assert_true(token_verify(codec, text_of(&made), NOW_US, bytes, &back));
        assert_true(back.converts);
        assert_comes_back(&made);
    }
}

/* A key that is good for no token any more may be good for click ids. */
static void test_click_ids_outlive_their_key(void **state)
{
    const struct ring_key keys[] = {{7, NOW_S - 1000}, {8, NOW_S}};
    char text[CLICK_ID_TEXT_MAX];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct signed_token made;
    struct random random;
    struct token back;
    (void)state;
    random_seed(&random, 8);
    make_token(&random, &made);
    size_t len = sign_click_id(&made, text);
    ring_write(keys, 2, 0600);
    token_codec_free(codec);
    codec = new_codec();
    for (int64_t days = 0; days <= 40; days++) {
        int64_t now_us = NOW_US + days * DAY_S * US_PER_SECOND;
        assert_int_equal(is_click_id(slice_of(text, len), now_us), days <= 31);
        assert_int_equal(token_verify(codec, text_of(&made), now_us, bytes, &back), days <= 1);
    }
}

/* The same one layer below: base64url is always well-formed here. */
static void test_every_bit_of_the_bytes_of_100_tokens(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 3);
    for (unsigned i = 0; i < TOKENS; i++) {
        struct signed_token made;
        uint8_t bytes[TOKEN_BYTES_MAX];
        char text[TOKEN_TEXT_MAX];
        size_t len;
        make_token(&random, &made);
        assert_true(base64url_decode(text_of(&made), bytes, sizeof(bytes), &len));
        for (size_t bit = 0; bit < len * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(verifies(slice_of(text, base64url_encode(text, bytes, len))));
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static void test_every_truncation_and_extension(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 4);
    for (unsigned i = 0; i < TOKENS; i++) {
        struct signed_token made;
        make_token(&random, &made);
        for (size_t cut = 0; cut < made.len; cut++) {
            assert_false(verifies(slice_of(made.text, cut)));
            if (cut > 0)
                assert_false(verifies(slice_from(text_of(&made), cut)));
        }
        for (int byte = 0; byte < 256; byte++) {
            made.text[made.len] = (char)byte;
            assert_false(verifies(slice_of(made.text, made.len + 1)));
        }
    }
}

static void test_longer_than_any_is_refused(void **state)
{
    static char text[TOKEN_TEXT_MAX * 8];
    (void)state;
    memset(text, 'A', sizeof(text));
    for (size_t len = TOKEN_TEXT_MAX - 4; len < TOKEN_TEXT_MAX + 8; len++)
        assert_false(verifies(slice_of(text, len)));
    assert_false(verifies(slice_of(text, sizeof(text))));
}

/* Where each part of a token's bytes begins; the last one is the end. */
static void find_parts(const struct token *token, size_t len, size_t at[PARTS + 1])
{
    const size_t sizes[PARTS] = {1,
                                 4,
                                 6,
                                 IMPRESSION_BYTES,
                                 1 + token->campaign.len,
                                 1 + token->creative.len,
                                 1 + token->slot.len,
                                 2 + token->landing.len,
                                 TOKEN_MAC_BYTES};
    at[0] = 0;
    for (unsigned i = 0; i < PARTS; i++)
        at[i + 1] = at[i] + sizes[i];
    assert_int_equal(at[PARTS], len);
}

/* Parts from `b` where `mask` says so, from `a` elsewhere. */
static size_t mix(const struct signed_token *a, const struct signed_token *b, unsigned mask,
                  uint8_t *to)
{
    uint8_t bytes[2][TOKEN_BYTES_MAX];
    size_t at[2][PARTS + 1], len, written = 0;
    assert_true(base64url_decode(text_of(a), bytes[0], TOKEN_BYTES_MAX, &len));
    find_parts(&a->token, len, at[0]);
    assert_true(base64url_decode(text_of(b), bytes[1], TOKEN_BYTES_MAX, &len));
    find_parts(&b->token, len, at[1]);
    for (unsigned i = 0; i < PARTS; i++) {
        unsigned from = mask >> i & 1;
        size_t size = at[from][i + 1] - at[from][i];
        memcpy(to + written, bytes[from] + at[from][i], size);
        written += size;
    }
    return written;
}

static void test_every_swap_of_parts(void **state)
{
    struct random random;
    size_t refused = 0;
    (void)state;
    random_seed(&random, 5);
    for (unsigned pair = 0; pair < TOKENS / 2; pair++) {
        struct signed_token a, b;
        make_token(&random, &a);
        make_token(&random, &b);
        for (unsigned mask = 0; mask < 1u << PARTS; mask++) {
            uint8_t bytes[TOKEN_BYTES_MAX];
            char text[TOKEN_TEXT_MAX];
            struct slice mixed =
                slice_of(text, base64url_encode(text, bytes, mix(&a, &b, mask, bytes)));
            bool whole = slice_eq(mixed, text_of(&a)) || slice_eq(mixed, text_of(&b));
            assert_int_equal(verifies(mixed), whole);
            refused += !whole;
        }
    }
    assert_true(refused > TOKENS / 2 * 500);
}

/* The beginning of one text with the end of another, at every character. */
static void test_every_splice_of_two_texts(void **state)
{
    struct random random;
    (void)state;
    random_seed(&random, 6);
    for (unsigned pair = 0; pair < TOKENS / 2; pair++) {
        struct signed_token a, b;
        make_token(&random, &a);
        make_token(&random, &b);
        for (size_t cut = 0; cut <= a.len && cut <= b.len; cut++) {
            char text[TOKEN_TEXT_MAX];
            memcpy(text, a.text, cut);
            memcpy(text + cut, b.text + cut, b.len - cut);
            struct slice spliced = slice_of(text, b.len);
            bool whole = slice_eq(spliced, text_of(&a)) || slice_eq(spliced, text_of(&b));
            assert_int_equal(verifies(spliced), whole);
        }
    }
}

/* Keys */

static void assert_key_verifies(const struct signed_token *made, int64_t now_s, bool expected)
{
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token token;
    assert_int_equal(token_verify(codec, text_of(made), now_s * US_PER_SECOND, bytes, &token),
                     expected);
}

static void test_a_rotated_key_is_good_for_page_ttl(void **state)
{
    const struct ring_key keys[] = {{7, NOW_S - 1000}, {8, NOW_S}};
    struct random random;
    struct signed_token old, fresh;
    (void)state;
    random_seed(&random, 7);
    make_token(&random, &old);
    ring_write(keys, 2, 0600);
    token_codec_refresh(codec, NOW_US);
    make_token(&random, &fresh);
    assert_memory_not_equal(fresh.text, old.text, 8); /* signed with the new key */
    assert_key_verifies(&old, NOW_S, true);
    assert_key_verifies(&old, NOW_S + DAY_S - 1, true);
    assert_key_verifies(&old, NOW_S + DAY_S + 1, false);
    assert_key_verifies(&fresh, NOW_S + DAY_S + 1, true);
    assert_key_verifies(&fresh, NOW_S + 1000 * DAY_S, true);
}

/* Another process has rotated: its first token is good here before anybody looked at the file. */
static void test_a_key_not_known_is_looked_for_at_once(void **state)
{
    const struct ring_key keys[] = {{7, NOW_S - 1000}, {9, NOW_S}};
    struct random random;
    struct signed_token made;
    struct token_codec *here = codec;
    (void)state;
    random_seed(&random, 8);
    token_codec_refresh(here, NOW_US);
    ring_write(keys, 2, 0600);
    codec = new_codec();
    assert_non_null(codec);
    make_token(&random, &made);
    token_codec_free(codec);
    codec = here;
    assert_comes_back(&made);
}

static void test_a_key_that_is_gone_is_refused(void **state)
{
    const struct ring_key other = {10, NOW_S};
    struct random random;
    struct signed_token made;
    (void)state;
    random_seed(&random, 9);
    make_token(&random, &made);
    ring_write(&other, 1, 0600);
    token_codec_refresh(codec, NOW_US + US_PER_SECOND);
    assert_false(verifies(text_of(&made)));
}

static void test_the_same_id_with_another_secret_is_refused(void **state)
{
    struct random random;
    struct signed_token made;
    uint8_t bytes[TOKEN_BYTES_MAX];
    char text[TOKEN_TEXT_MAX];
    size_t len;
    const struct ring_key keys[] = {{7, NOW_S - 1000}, {8, NOW_S}};
    (void)state;
    ring_write(keys, 2, 0600);
    token_codec_refresh(codec, NOW_US);
    random_seed(&random, 10);
    make_token(&random, &made);
    assert_true(base64url_decode(text_of(&made), bytes, sizeof(bytes), &len));
    assert_int_equal(bytes[4], 8);
    bytes[4] = 7;
    assert_false(verifies(slice_of(text, base64url_encode(text, bytes, len))));
}

static void test_a_bad_ring_leaves_the_good_one(void **state)
{
    const struct ring_key other = {11, NOW_S};
    struct random random;
    struct signed_token made;
    (void)state;
    log_setup(LOG_ERROR + 1, LOG_LOGFMT); /* its complaint is expected */
    random_seed(&random, 11);
    make_token(&random, &made);
    ring_write(&other, 1, 0644);
    token_codec_refresh(codec, NOW_US + 2 * US_PER_SECOND);
    assert_comes_back(&made);
    ring_write(NULL, 0, 0600);
    token_codec_refresh(codec, NOW_US + 4 * US_PER_SECOND);
    assert_comes_back(&made);
    log_setup(LOG_INFO, LOG_LOGFMT);
}

static void test_a_ring_that_others_read_is_refused(void **state)
{
    static const mode_t modes[] = {0604, 0640, 0660, 0602, 0620, 0644, 0666, 0777};
    const struct ring_key key = {7, NOW_S - 1000};
    (void)state;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        struct err err = {0};
        ring_write(&key, 1, modes[i]);
        assert_null(token_codec_new(ring_path(), times, &err));
        assert_string_equal(err.where, ring_path());
        assert_true(err.text[0] != '\0');
    }
}

static size_t sign_mark(char text[PAGE_MARK_TEXT_MAX])
{
    const struct page_mark mark = {NOW_US / 1000, SLICE("spring"), SLICE("spring-970")};
    return token_sign_mark(codec, &mark, text);
}

static void test_a_mark_comes_back(void **state)
{
    char text[PAGE_MARK_TEXT_MAX];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct page_mark read;
    size_t len = sign_mark(text);
    (void)state;
    assert_true(token_verify_mark(codec, slice_of(text, len), NOW_US, bytes, &read));
    assert_int_equal(read.issued_ms, NOW_US / 1000);
    assert_true(slice_eq(read.campaign, SLICE("spring")));
    assert_true(slice_eq(read.creative, SLICE("spring-970")));
}

static void test_the_longest_mark_fits(void **state)
{
    char id[ID_MAX], text[PAGE_MARK_TEXT_MAX];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct page_mark read;
    (void)state;
    memset(id, 'x', sizeof id);
    const struct page_mark mark = {NOW_US / 1000, slice_of(id, ID_MAX), slice_of(id, ID_MAX)};
    size_t len = token_sign_mark(codec, &mark, text);
    assert_int_equal(len, PAGE_MARK_TEXT_MAX);
    assert_true(token_verify_mark(codec, slice_of(text, len), NOW_US, bytes, &read));
}

static void test_no_other_text_is_a_mark(void **state)
{
    char text[PAGE_MARK_TEXT_MAX];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct page_mark read;
    size_t len = sign_mark(text);
    (void)state;
    for (size_t cut = 0; cut < len; cut++)
        assert_false(token_verify_mark(codec, slice_of(text, cut), NOW_US, bytes, &read));
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];
        text[i] = kept == 'A' ? 'B' : 'A';
        assert_false(token_verify_mark(codec, slice_of(text, len), NOW_US, bytes, &read));
        text[i] = kept;
    }
}

static void test_marks_and_tokens_do_not_pass_for_each_other(void **state)
{
    struct random random;
    struct signed_token made;
    char text[PAGE_MARK_TEXT_MAX];
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct page_mark mark;
    struct token token;
    size_t len = sign_mark(text);
    (void)state;
    random_seed(&random, 1);
    make_token(&random, &made);
    assert_false(token_verify(codec, slice_of(text, len), NOW_US, bytes, &token));
    assert_false(token_verify_mark(codec, slice_of(made.text, made.len), NOW_US, bytes, &mark));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_format_is_the_documented_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_mark_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_mark_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_other_text_is_a_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_marks_and_tokens_do_not_pass_for_each_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_length_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_id_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_of_100_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_click_ids_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_longest_click_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_of_click_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_conversions_may_follow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_click_ids_outlive_their_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_bit_of_the_bytes_of_100_tokens, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_every_truncation_and_extension, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_longer_than_any_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_swap_of_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_splice_of_two_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_rotated_key_is_good_for_page_ttl, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_not_known_is_looked_for_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_key_that_is_gone_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_same_id_with_another_secret_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_bad_ring_leaves_the_good_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_ring_that_others_read_is_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
