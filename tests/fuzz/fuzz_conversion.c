/*
 * Any bytes as what an advertiser sends of a conversion. The first byte of the input chooses: the
 * rest is a click id's text, the bytes of one behind the key's id (signed here, so that the reading
 * behind the check is met as well), a query string, or a form. What is taken is within its limits,
 * and an id that is taken comes back when it is signed again.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "serve/conversion_query.h"
#include "serve/token.h"

#define NOW_US    (INT64_C(1760000000) * US_PER_SECOND)
#define KEY_BYTES 5 /* version and key id, which stand before all else */
#define ARENA_MAX (256 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct token_times times = {86400000, 31 * INT64_C(86400000)};
static const uint8_t key_and_version[KEY_BYTES] = {CLICK_ID_VERSION, 0, 0, 0, 7};
static const uint8_t secret[KEYRING_SECRET_BYTES] = "the secret of this fuzz target.";

static struct token_codec *new_codec(void)
{
    char path[] = "/tmp/masthead-fuzz-XXXXXX", text[BASE64URL_ENCODED_LEN(sizeof(secret))];
    struct err err = {0};
    int fd = mkstemp(path);
    CHECK(fd >= 0 && fchmod(fd, 0600) == 0);
    size_t len = base64url_encode(text, secret, sizeof(secret));
    CHECK(dprintf(fd, "00000007 1700000000 %.*s\n", (int)len, text) > 0);
    struct token_codec *codec = token_codec_new(path, times, &err);
    CHECK(codec != NULL);
    CHECK(close(fd) == 0 && unlink(path) == 0);
    return codec;
}

static void try_id(struct token_codec *codec, struct slice text)
{
    uint8_t bytes[TOKEN_BYTES_MAX];
    char again[CLICK_ID_TEXT_MAX];
    struct token token;
    if (!token_verify_click_id(codec, text, NOW_US, bytes, &token))
        return;
    CHECK(token.campaign.len <= ID_MAX && token.creative.len <= ID_MAX && token.slot.len <= ID_MAX);
    CHECK(token.landing.len == 0 && token.converts);
    CHECK(slice_eq(slice_of(again, token_sign_click_id(codec, &token, again)), text));
    CHECK(!token_verify(codec, text, NOW_US, bytes, &token));
}

static void try_signed(struct token_codec *codec, struct slice body)
{
    uint8_t bytes[CLICK_ID_BYTES_MAX + 64], mac[EVP_MAX_MD_SIZE];
    char text[BASE64URL_ENCODED_LEN(sizeof(bytes))];
    if (body.len > sizeof(bytes) - KEY_BYTES - TOKEN_MAC_BYTES)
        return;
    memcpy(bytes, key_and_version, KEY_BYTES);
    if (body.len)
        memcpy(bytes + KEY_BYTES, body.ptr, body.len);
    size_t size = KEY_BYTES + body.len;
    CHECK(HMAC(EVP_sha256(), secret, sizeof(secret), bytes, size, mac, NULL) != NULL);
    memcpy(bytes + size, mac, TOKEN_MAC_BYTES);
    try_id(codec, slice_of(text, base64url_encode(text, bytes, size + TOKEN_MAC_BYTES)));
}

static void try_parameters(struct slice text, bool is_form)
{
    static const struct http_header form = {SLICE_INIT("content-type"),
                                            SLICE_INIT("application/x-www-form-urlencoded")};
    static struct arena *arena;
    struct conversion conversion;
    struct err err = {"", ""};
    if (!arena)
        arena = arena_new(ARENA_MAX);
    arena_reset(arena);
    struct http_request request = {.method = HTTP_METHOD_GET, .arena = arena, .query = text};
    if (is_form)
        request = (struct http_request){.method = HTTP_METHOD_POST,
                                        .arena = arena,
                                        .body = text,
                                        .headers = &form,
                                        .header_count = 1};
    if (conversion_query_parse(&request, &conversion, &err))
        CHECK(conversion_is_valid(&conversion));
    else
        CHECK(err.where[0] != '\0' && err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct token_codec *codec;
    if (!codec)
        codec = new_codec();
    if (size == 0)
        return 0;
    struct slice rest = slice_of((const char *)data + 1, size - 1);
    switch (data[0] & 3) {
    case 0:
        try_id(codec, rest);
        break;
    case 1:
        try_signed(codec, rest);
        break;
    default:
        try_parameters(rest, data[0] & 1);
        break;
    }
    return 0;
}
