#include "store/viewer_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "store/secrets.h"

const char *const viewer_way_words[] = {
    [VIEWER_FIRST_PARTY] = "first-party",
    [VIEWER_DAILY_HASH] = "daily-hash",
};
#define WAYS (sizeof viewer_way_words / sizeof *viewer_way_words)

static bool way_of(struct slice word, enum viewer_way *ret)
{
    for (size_t i = 0; i < WAYS; i++)
        if (slice_eq(slice_cstr(viewer_way_words[i]), word)) {
            *ret = (enum viewer_way)i;
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

static bool by_first_party(const uint8_t *salt, const struct viewer_marks *marks,
                           struct viewer_key *ret)
{
    if (!salt || marks->uid.len == 0)
        return false;
    hash_parts(salt, &marks->uid, 1, ret);
    return true;
}

static bool by_daily_hash(const uint8_t *salt, const struct viewer_marks *marks,
                          struct viewer_key *ret)
{
    const struct slice parts[] = {
        slice_of((const char *)marks->client.bytes, sizeof(marks->client.bytes)),
        marks->agent,
        marks->site,
    };
    if (!salt || marks->agent.len == 0)
        return false;
    hash_parts(salt, parts, 3, ret);
    return true;
}

bool viewer_key_find(const struct viewer_ladder *ladder, const struct viewer_salts *salts,
                     const struct viewer_marks *marks, struct viewer_key *ret_key,
                     enum viewer_way *ret_way)
{
    for (unsigned i = 0; i < ladder->count; i++) {
        enum viewer_way way = ladder->ways[i];
        bool known = way == VIEWER_FIRST_PARTY ? by_first_party(salts->viewer, marks, ret_key)
                                               : by_daily_hash(salts->today, marks, ret_key);
        if (!known)
            continue;
        *ret_way = way;
        return true;
    }
    return false;
}

/* Of one part; a viewer's has three under this salt. */
void viewer_key_of_address(const uint8_t *today, struct net_ip client, struct viewer_key *ret)
{
    const struct net_ip subscriber = net_ip_subscriber(client);
    const struct slice part = slice_of((const char *)subscriber.bytes, sizeof(subscriber.bytes));
    hash_parts(today, &part, 1, ret);
}
