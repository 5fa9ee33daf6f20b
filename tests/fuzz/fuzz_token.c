/*
 * Any bytes as a token: what is not signed is refused, and what is signed is either read back whole
 * or refused, never read wrongly.
 *
 * The first byte of the input chooses: the rest is a token's text, or the bytes of one behind the
 * key's id, to which the right MAC is added so that the reading behind the check is met as well.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "serve/token.h"

#define NOW_US    (INT64_C(1760000000) * US_PER_SECOND)
#define KEY_BYTES 5 /* version and key id, which stand before all else */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bit 1 of the input's first byte chooses the version that a signed one has. */
static const uint8_t versions[2] = {TOKEN_VERSION, TOKEN_CONVERTING_VERSION};
static const uint8_t key_id[KEY_BYTES - 1] = {0, 0, 0, 7};
static const struct token_times times = {86400000, 31 * INT64_C(86400000)};
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

/* What was read, signed again, is the same text: nothing in it was passed over or made up. */
static void check_comes_back(struct token_codec *codec, const struct token *token,
                             struct slice text)
{
    char again[TOKEN_TEXT_MAX];
    CHECK(token->campaign.len <= ID_MAX && token->creative.len <= ID_MAX);
    CHECK(token->slot.len <= ID_MAX && token->landing.len <= LANDING_MAX);
    CHECK(slice_eq(slice_of(again, token_sign(codec, token, again)), text));
}

static void try_signed(struct token_codec *codec, uint8_t version, const uint8_t *data, size_t size)
{
    uint8_t bytes[TOKEN_BYTES_MAX + 64], back[TOKEN_BYTES_MAX], mac[EVP_MAX_MD_SIZE];
    char text[BASE64URL_ENCODED_LEN(sizeof(bytes))];
    struct token token;
    if (size > sizeof(bytes) - KEY_BYTES - TOKEN_MAC_BYTES)
        return;
    bytes[0] = version;
    memcpy(bytes + 1, key_id, sizeof(key_id));
    if (size)
        memcpy(bytes + KEY_BYTES, data, size);
    size += KEY_BYTES;
    CHECK(HMAC(EVP_sha256(), secret, sizeof(secret), bytes, size, mac, NULL) != NULL);
    memcpy(bytes + size, mac, TOKEN_MAC_BYTES);
    struct slice signed_text =
        slice_of(text, base64url_encode(text, bytes, size + TOKEN_MAC_BYTES));
    if (token_verify(codec, signed_text, NOW_US, back, &token))
        check_comes_back(codec, &token, signed_text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct token_codec *codec;
    uint8_t bytes[TOKEN_BYTES_MAX];
    struct token token;

    if (!codec)
        codec = new_codec();
    if (size == 0)
        return 0;
    if (data[0] & 1) {
        try_signed(codec, versions[data[0] >> 1 & 1], data + 1, size - 1);
        return 0;
    }
    struct slice text = slice_of((const char *)data + 1, size - 1);
    if (token_verify(codec, text, NOW_US, bytes, &token))
        check_comes_back(codec, &token, text);
    return 0;
}
