#include "serve/viewer.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "serve/consent.h"

static const struct {
    struct slice word;
    enum viewer_way way;
} ways[] = {
    {SLICE_INIT("first-party"), VIEWER_FIRST_PARTY},
    {SLICE_INIT("daily-hash"), VIEWER_DAILY_HASH},
};

static bool way_of(struct slice word, enum viewer_way *ret)
{
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        if (slice_eq(ways[i].word, word)) {
            *ret = ways[i].way;
            return true;
        }
    return false;
}

bool viewer_ladder_parse(struct slice text, struct viewer_ladder *ret, struct err *err)
{
    struct viewer_ladder ladder = {.count = 0};
    struct slice rest = text, word;

    if (slice_eq(slice_trim(text), SLICE("none"))) {
        *ret = ladder;
        return true;
    }
    if (text.len == 0)
        return err_set(err, "empty, allowed are first-party, daily-hash, or none alone");
    while (slice_next(&rest, ',', &word)) {
        enum viewer_way way;
        word = slice_trim(word);
        if (!way_of(word, &way))
            return err_set(err,
                           "%s is not known, allowed are first-party, daily-hash, or none alone",
                           err_quote(word));
        if (ladder.count == VIEWER_LADDER_MAX)
            return err_set(err, "more than %d ways", VIEWER_LADDER_MAX);
        ladder.ways[ladder.count++] = way;
    }
    *ret = ladder;
    return true;
}

bool viewer_uid_is_valid(struct slice uid)
{
    if (uid.len < 8 || uid.len > 64)
        return false;
    for (size_t i = 0; i < uid.len; i++) {
        char c = uid.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Parts are told apart by their lengths, so that no two sets of facts hash alike. */
static void hash_parts(const uint8_t *salt, const struct slice *parts, unsigned count,
                       struct viewer_key *ret)
{
    enum { PART_MAX = 512 };
    uint8_t message[3 * (PART_MAX + 2)], mac[EVP_MAX_MD_SIZE];
    size_t len = 0;

    CHECK(count <= 3);
    for (unsigned i = 0; i < count; i++) {
        size_t part = parts[i].len < PART_MAX ? parts[i].len : PART_MAX;
        message[len++] = (uint8_t)(part >> 8);
        message[len++] = (uint8_t)part;
        if (part)
            memcpy(message + len, parts[i].ptr, part);
        len += part;
    }
    CHECK(HMAC(EVP_sha256(), salt, SECRET_BYTES, message, len, mac, NULL) != NULL);
    memcpy(ret->bytes, mac, VIEWER_KEY_BYTES);
    memcpy(&ret->pseudonym, mac + VIEWER_KEY_BYTES, sizeof(ret->pseudonym));
}

static bool by_first_party(struct secrets *secrets, const struct viewer_facts *facts,
                           struct viewer_key *ret)
{
    const uint8_t *salt = secrets_viewer(secrets);
    if (!salt || facts->uid.len == 0)
        return false;
    hash_parts(salt, &facts->uid, 1, ret);
    return true;
}

static bool by_daily_hash(struct secrets *secrets, const struct http_request *request,
                          const struct viewer_facts *facts, struct viewer_key *ret)
{
    const uint8_t *salt = secrets_today(secrets, facts->now_us);
    const struct slice parts[] = {
        slice_of((const char *)facts->client.bytes, sizeof(facts->client.bytes)),
        http_request_header(request, SLICE("user-agent")),
        facts->site,
    };
    if (!salt || parts[1].len == 0)
        return false;
    hash_parts(salt, parts, 3, ret);
    return true;
}

bool viewer_identify(const struct viewer_ladder *ladder, struct secrets *secrets,
                     const struct http_request *request, const struct viewer_facts *facts,
                     struct viewer_key *ret)
{
    if (slice_eq(http_request_header(request, SLICE("sec-gpc")), SLICE("1")))
        return false;
    if (!consent_allows_storage(facts->consent))
        return false;
    for (unsigned i = 0; i < ladder->count; i++) {
        bool known = ladder->ways[i] == VIEWER_FIRST_PARTY
                         ? by_first_party(secrets, facts, ret)
                         : by_daily_hash(secrets, request, facts, ret);
        if (known)
            return true;
    }
    return false;
}
