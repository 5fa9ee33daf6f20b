#include "serve/token.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "decision/creative_macros.h"

_Static_assert(CLICK_ID_TEXT_MAX == CLICK_ID_MAX, "creatives are checked with the longest one");

/* A MAC context with its key set costs a few microseconds to make and little to use again. */
struct signer {
    uint32_t key_id;
    EVP_MAC_CTX *mac;
};

struct token_codec {
    char *path;
    struct token_times times;
    struct keyring keyring;
    struct signer signers[KEYRING_KEYS_MAX]; /* by position in the ring */
    struct stat seen;                        /* of the file the ring was read from */
    int64_t looked_us;
    EVP_MAC *hmac;
    struct log_limit complaint;
};

static void signers_release(struct token_codec *codec)
{
    for (unsigned i = 0; i < KEYRING_KEYS_MAX; i++) {
        EVP_MAC_CTX_free(codec->signers[i].mac);
        codec->signers[i].mac = NULL;
    }
}

static void signers_make(struct token_codec *codec)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    signers_release(codec);
    for (unsigned i = 0; i < codec->keyring.count; i++) {
        const struct keyring_key *key = &codec->keyring.keys[i];
        struct signer *signer = &codec->signers[i];
        signer->key_id = key->id;
        signer->mac = EVP_MAC_CTX_new(codec->hmac);
        CHECK(signer->mac != NULL);
        CHECK(EVP_MAC_init(signer->mac, key->secret, sizeof(key->secret), params) == 1);
    }
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_size == b->st_size;
}

/* Reads the file anew when it is not the one that was read. A bad file leaves the ring as it is. */
static void reread_if_changed(struct token_codec *codec)
{
    struct stat found;
    struct keyring fresh;
    struct err err = {0};
    uint64_t suppressed;

    if (stat(codec->path, &found) != 0 || same_file(&found, &codec->seen))
        return;
    if (keyring_load(codec->path, &fresh, &err)) {
        codec->keyring = fresh;
        codec->seen = found;
        signers_make(codec);
        keyring_wipe(&fresh);
        log_event(LOG_INFO, "tokens: key ring read", LOG_INT("keys", codec->keyring.count));
    } else if (log_allowed(&codec->complaint, &suppressed)) {
        log_event(LOG_ERROR, "tokens: the new key ring is refused, the old one stays",
                  LOG_STR("where", err.where), LOG_STR("error", err.text));
    }
}

struct token_codec *token_codec_new(const char *keyring_path, struct token_times times,
                                    struct err *err)
{
    struct token_codec *codec = check_calloc(1, sizeof(*codec));
    codec->path = check_strdup(keyring_path);
    codec->times = times;
    codec->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    CHECK(codec->hmac != NULL);
    /* Looked at first: a file that is replaced while it is read is read again at the next look. */
    if (stat(keyring_path, &codec->seen) != 0)
        codec->seen = (struct stat){0};
    if (!keyring_load(keyring_path, &codec->keyring, err)) {
        token_codec_free(codec);
        return NULL;
    }
    signers_make(codec);
    return codec;
}

void token_codec_free(struct token_codec *codec)
{
    if (!codec)
        return;
    signers_release(codec);
    EVP_MAC_free(codec->hmac);
    keyring_wipe(&codec->keyring);
    free(codec->path);
    free(codec);
}

void token_codec_refresh(struct token_codec *codec, int64_t now_us)
{
    if (now_us >= codec->looked_us && now_us - codec->looked_us < US_PER_SECOND)
        return;
    codec->looked_us = now_us;
    reread_if_changed(codec);
}

static void mac_of(const struct token_codec *codec, const struct keyring_key *key,
                   const uint8_t *bytes, size_t len, uint8_t mac[32])
{
    EVP_MAC_CTX *context = codec->signers[key - codec->keyring.keys].mac;
    size_t mac_len;
    CHECK(EVP_MAC_init(context, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(context, bytes, len) == 1);
    CHECK(EVP_MAC_final(context, mac, &mac_len, 32) == 1 && mac_len == 32);
}

static uint8_t *put_number(uint8_t *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(number >> (8 * (bytes - 1 - i)));
    return to + bytes;
}

static uint64_t get_number(const uint8_t *from, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | from[i];
    return number;
}

static uint8_t *put_text(uint8_t *to, struct slice text, unsigned length_bytes, size_t max)
{
    CHECK(text.len <= max);
    to = put_number(to, text.len, length_bytes);
    if (text.len)
        memcpy(to, text.ptr, text.len);
    return to + text.len;
}

/* What tokens and marks are made of: a body between its version with the key's id, and the MAC. */
static size_t seal(struct token_codec *codec, uint8_t kind, struct slice body, char *text)
{
    uint8_t bytes[TOKEN_BYTES_MAX], mac[32], *end = bytes;
    const struct keyring_key *key = keyring_newest(&codec->keyring);

    CHECK(body.len <= TOKEN_BYTES_MAX - TOKEN_SEAL_BYTES);
    *end++ = kind;
    end = put_number(end, key->id, 4);
    memcpy(end, body.ptr, body.len);
    end += body.len;
    mac_of(codec, key, bytes, (size_t)(end - bytes), mac);
    memcpy(end, mac, TOKEN_MAC_BYTES);
    end += TOKEN_MAC_BYTES;
    return base64url_encode(text, bytes, (size_t)(end - bytes));
}

/* Which impression it is: what tokens and click ids begin with. */
static uint8_t *put_impression(uint8_t *end, const struct token *token)
{
    end = put_number(end, (uint64_t)token->issued_ms, 6);
    memcpy(end, token->impression, IMPRESSION_BYTES);
    end += IMPRESSION_BYTES;
    end = put_text(end, token->campaign, 1, ID_MAX);
    end = put_text(end, token->creative, 1, ID_MAX);
    return put_text(end, token->slot, 1, ID_MAX);
}

size_t token_sign(struct token_codec *codec, const struct token *token, char *text)
{
    uint8_t body[TOKEN_BYTES_MAX], *end = put_impression(body, token);
    uint8_t kind = token->converts ? TOKEN_CONVERTING_VERSION : TOKEN_VERSION;

    end = put_text(end, token->landing, 2, LANDING_MAX);
    return seal(codec, kind, slice_of((const char *)body, (size_t)(end - body)), text);
}

size_t token_sign_click_id(struct token_codec *codec, const struct token *token, char *text)
{
    uint8_t body[CLICK_ID_BYTES_MAX], *end = put_impression(body, token);
    return seal(codec, CLICK_ID_VERSION, slice_of((const char *)body, (size_t)(end - body)), text);
}

size_t token_sign_mark(struct token_codec *codec, const struct page_mark *mark, char *text)
{
    uint8_t body[PAGE_MARK_BYTES_MAX], *end = body;

    end = put_number(end, (uint64_t)mark->issued_ms, 6);
    end = put_text(end, mark->campaign, 1, ID_MAX);
    end = put_text(end, mark->creative, 1, ID_MAX);
    return seal(codec, PAGE_MARK_VERSION, slice_of((const char *)body, (size_t)(end - body)), text);
}

/* Reads a length and that many bytes; false when they are not all there, or too many. */
static bool get_text(struct slice *rest, unsigned length_bytes, size_t max, struct slice *ret)
{
    size_t len;
    if (rest->len < length_bytes)
        return false;
    len = (size_t)get_number((const uint8_t *)rest->ptr, length_bytes);
    if (len > max || rest->len - length_bytes < len)
        return false;
    *ret = slice_of(rest->ptr + length_bytes, len);
    *rest = slice_from(*rest, length_bytes + len);
    return true;
}

/* Ids name keys of Redis and their fields: nothing but an id may, whoever has a key to sign with.
 */
static bool get_id(struct slice *rest, struct slice *ret)
{
    return get_text(rest, 1, ID_MAX, ret) && id_is_valid(*ret);
}

static bool get_impression(struct slice body, struct token *ret, struct slice *rest)
{
    const uint8_t *bytes = (const uint8_t *)body.ptr;
    *rest = slice_from(body, 6 + IMPRESSION_BYTES);
    if (body.len < 6 + IMPRESSION_BYTES)
        return false;
    ret->issued_ms = (int64_t)get_number(bytes, 6);
    memcpy(ret->impression, bytes + 6, IMPRESSION_BYTES);
    return get_id(rest, &ret->campaign) && get_id(rest, &ret->creative) && get_id(rest, &ret->slot);
}

static const struct keyring_key *find_key(struct token_codec *codec, uint8_t kind, uint32_t id,
                                          int64_t now_us)
{
    int64_t ttl_ms =
        kind == CLICK_ID_VERSION ? codec->times.click_id_ttl_ms : codec->times.page_ttl_ms;
    const struct keyring_key *key = keyring_find(&codec->keyring, id, now_us, ttl_ms);
    if (key)
        return key;
    reread_if_changed(codec); /* perhaps another process has just rotated */
    return keyring_find(&codec->keyring, id, now_us, ttl_ms);
}

/* The body points into `bytes`. */
static bool open_seal(struct token_codec *codec, uint8_t kind, struct slice text, int64_t now_us,
                      uint8_t *bytes, struct slice *ret_body)
{
    uint8_t mac[32];
    size_t len;
    const struct keyring_key *key;

    if (text.len > TOKEN_TEXT_MAX || !base64url_decode(text, bytes, TOKEN_BYTES_MAX, &len))
        return false;
    if (len < TOKEN_SEAL_BYTES || bytes[0] != kind)
        return false;
    key = find_key(codec, kind, (uint32_t)get_number(bytes + 1, 4), now_us);
    if (!key)
        return false;
    len -= TOKEN_MAC_BYTES;
    mac_of(codec, key, bytes, len, mac);
    if (CRYPTO_memcmp(mac, bytes + len, TOKEN_MAC_BYTES) != 0)
        return false;
    *ret_body = slice_from(slice_of((const char *)bytes, len), TOKEN_SEAL_BYTES - TOKEN_MAC_BYTES);
    return true;
}

bool token_verify(struct token_codec *codec, struct slice text, int64_t now_us, uint8_t *bytes,
                  struct token *ret)
{
    struct slice body, rest;
    ret->converts = false;
    if (!open_seal(codec, TOKEN_VERSION, text, now_us, bytes, &body)) {
        ret->converts = true;
        if (!open_seal(codec, TOKEN_CONVERTING_VERSION, text, now_us, bytes, &body))
            return false;
    }
    return get_impression(body, ret, &rest) && get_text(&rest, 2, LANDING_MAX, &ret->landing) &&
           rest.len == 0;
}

bool token_verify_click_id(struct token_codec *codec, struct slice text, int64_t now_us,
                           uint8_t *bytes, struct token *ret)
{
    struct slice body, rest;
    ret->converts = true;
    ret->landing = slice_of(NULL, 0);
    return open_seal(codec, CLICK_ID_VERSION, text, now_us, bytes, &body) &&
           get_impression(body, ret, &rest) && rest.len == 0;
}

bool token_verify_mark(struct token_codec *codec, struct slice text, int64_t now_us, uint8_t *bytes,
                       struct page_mark *ret)
{
    struct slice body, rest;
    if (!open_seal(codec, PAGE_MARK_VERSION, text, now_us, bytes, &body) || body.len < 6)
        return false;
    ret->issued_ms = (int64_t)get_number((const uint8_t *)body.ptr, 6);
    rest = slice_from(body, 6);
    return get_text(&rest, 1, ID_MAX, &ret->campaign) &&
           get_text(&rest, 1, ID_MAX, &ret->creative) && rest.len == 0;
}
