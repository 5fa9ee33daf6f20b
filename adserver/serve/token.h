/*
 * token: what the click, impression and viewable addresses of one ad carry.
 *
 * Bytes, big-endian, then base64url in its one canonical spelling:
 *
 *     1  version (TOKEN_VERSION)
 *     4  id of the signing key
 *     6  time of issue, milliseconds since 1970
 *    16  impression number, unique (store/impression.h)
 *   1+n  campaign   1+n  creative   1+n  slot   2+n  landing address
 *    16  HMAC-SHA256 over all before it, cut to 128 bits (RFC 2104 section 5)
 *
 * One token serves all three addresses of an ad: a click implies its impression, and whoever holds
 * one of them holds the others, so telling them apart would protect nothing and cost two more MACs.
 *
 * The token of an ad that holds a {click_id} has the version TOKEN_CONVERTING_VERSION and is
 * otherwise the same: its click is remembered for as long as a conversion may follow it.
 */
#ifndef SERVE_TOKEN_H
#define SERVE_TOKEN_H

#include "decision/model.h"
#include "store/impression.h"
#include "store/keyring.h"

#define TOKEN_VERSION            1
#define TOKEN_CONVERTING_VERSION 4
#define TOKEN_MAC_BYTES          16
#define TOKEN_SEAL_BYTES         (1 + 4 + TOKEN_MAC_BYTES) /* version, key, MAC: what is around a body */
#define TOKEN_HEAD_BYTES         27
#define TOKEN_BYTES_MAX          (TOKEN_HEAD_BYTES + 3 * (1 + ID_MAX) + 2 + LANDING_MAX + TOKEN_MAC_BYTES)
#define TOKEN_TEXT_MAX           ((TOKEN_BYTES_MAX * 4 + 2) / 3)
#define TOKEN_AHEAD_MAX_MS       (INT64_C(300) * 1000) /* clocks of two servers may differ by so much */

struct token {
    int64_t issued_ms;
    uint8_t impression[IMPRESSION_BYTES];
    struct slice campaign, creative, slot;
    struct slice landing;
    bool converts; /* conversions may follow its click */
};

/*
 * What the tag sends back of an ad that is on the page already, so that what is chosen later goes
 * with it: sealed like a token, under a version of its own, so that neither passes for the other.
 * The body is 6 bytes of time, 1+n campaign, 1+n creative.
 */
#define PAGE_MARK_VERSION   2
#define PAGE_MARK_BYTES_MAX (6 + 2 * (1 + ID_MAX))
#define PAGE_MARK_TEXT_MAX  (((PAGE_MARK_BYTES_MAX + TOKEN_SEAL_BYTES) * 4 + 2) / 3)

struct page_mark {
    int64_t issued_ms;
    struct slice campaign, creative;
};

/*
 * A {click_id}: what an advertiser sends back to say that a click was worth something (/v1/x/).
 * A token without landing, under a version of its own: 6 bytes of time, 16 impression, 1+n
 * campaign, 1+n creative, 1+n slot.
 */
#define CLICK_ID_VERSION   3
#define CLICK_ID_BYTES_MAX (6 + IMPRESSION_BYTES + 3 * (1 + ID_MAX) + TOKEN_SEAL_BYTES)
#define CLICK_ID_TEXT_MAX  ((CLICK_ID_BYTES_MAX * 4 + 2) / 3)

struct token_codec;

/* How long after it retired a key is good for tokens, and for click ids. */
struct token_times {
    int64_t page_ttl_ms, click_id_ttl_ms;
};

/*
 * Reads the key ring file, and again when it has changed (looked at once a second, and at once when
 * a token names a key it does not have). NULL with `err` when it can't be read or is not private.
 */
struct token_codec *token_codec_new(const char *keyring_path, struct token_times times,
                                    struct err *err);
void token_codec_free(struct token_codec *codec);

/* Looks at the file when the last look is over a second old. Cheap; called now and then. */
void token_codec_refresh(struct token_codec *codec, int64_t now_us);

/*
 * Writes the token's text, no NUL, into `text` (TOKEN_TEXT_MAX bytes); returns its length. The ids
 * and the landing address are within their limits (CHECKed).
 */
size_t token_sign(struct token_codec *codec, const struct token *token, char *text);

/*
 * Checks and reads a token. The slices of `ret` point into `bytes` (TOKEN_BYTES_MAX), the caller's.
 * False for anything but a text this codec could have signed with a key that is still good, and
 * where an id is none.
 */
bool token_verify(struct token_codec *codec, struct slice text, int64_t now_us, uint8_t *bytes,
                  struct token *ret);

/* The same for click ids, with a text of at most CLICK_ID_TEXT_MAX bytes; `landing` is empty. */
size_t token_sign_click_id(struct token_codec *codec, const struct token *token, char *text);
bool token_verify_click_id(struct token_codec *codec, struct slice text, int64_t now_us,
                           uint8_t *bytes, struct token *ret);

/* The same for marks; the text has at most PAGE_MARK_TEXT_MAX bytes. */
size_t token_sign_mark(struct token_codec *codec, const struct page_mark *mark, char *text);
bool token_verify_mark(struct token_codec *codec, struct slice text, int64_t now_us, uint8_t *bytes,
                       struct page_mark *ret);

#endif
