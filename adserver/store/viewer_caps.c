#include "store/viewer_caps.h"

#include <stdlib.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "decision/page_rules.h"
#include "store/scripts.h"

#define KEYS_MAX       480 /* counters one page may ask for; candidates that need more are refused */
#define META_BYTES     11
#define LABELS_MAX     255 /* distinct ones on a page; candidates with more are refused */
#define GROUP_CAPS_MAX ((1 + PAGE_SLOTS_MAX) * CAPS_MAX) /* a roadblock's and its creatives' */
#define CANDIDATE_MAX  (7 + LIST_MAX + 3 * GROUP_CAPS_MAX)
#define PAGE_BYTES_MAX ((1 + CANDIDATES_MAX * CANDIDATE_MAX) * PAGE_SLOTS_MAX)
#define CREATIVES_MAX  (CANDIDATES_MAX * PAGE_SLOTS_MAX)
#define REFUSED        255

enum rule { RULE_ONCE, RULE_REPEATS, RULE_FOLLOWS }; /* of the script */

#define END_KEPT_MS (INT64_C(86400) * 1000) /* past the campaign's end */

_Static_assert(KEYS_MAX + 2 <= REDIS_ARGS_MAX, "the keys and two arguments are one command");
_Static_assert(CANDIDATES_MAX <= 32, "a bit each");
_Static_assert(GROUP_CAPS_MAX < REFUSED, "their number is a byte");

/* The call being put together; see reserve.lua for the forms. */
struct question {
    int64_t now_us;
    const struct creative *creatives[CREATIVES_MAX]; /* distinct ones: position is the number */
    unsigned creative_count;
    const struct campaign *campaigns[CREATIVES_MAX];
    unsigned campaign_count;
    struct slice labels[LABELS_MAX];
    unsigned label_count;
    uint64_t caps[KEYS_MAX]; /* cap keys: position is the key's */
    uint8_t meta[KEYS_MAX * META_BYTES];
    unsigned key_count;
    uint8_t page[PAGE_BYTES_MAX];
    size_t page_len;
};

struct reservation {
    unsigned slot_count;
    viewer_caps_fn *fn;
    void *arg;
};

static void put_number(uint8_t *to, uint64_t number, unsigned bytes)
{
    for (unsigned i = bytes; i-- > 0; number >>= 8)
        to[i] = (uint8_t)number;
}

static unsigned creative_number(struct question *question, const struct creative *creative)
{
    for (unsigned i = 0; i < question->creative_count; i++) {
        if (question->creatives[i] == creative)
            return i;
    }
    question->creatives[question->creative_count] = creative;
    return question->creative_count++;
}

static unsigned campaign_number(struct question *question, const struct campaign *campaign)
{
    for (unsigned i = 0; i < question->campaign_count; i++) {
        if (question->campaigns[i] == campaign)
            return i;
    }
    question->campaigns[question->campaign_count] = campaign;
    return question->campaign_count++;
}

/* LABELS_MAX: there is no number left for it. */
static unsigned label_number(struct question *question, struct slice label)
{
    for (unsigned i = 0; i < question->label_count; i++) {
        if (slice_eq(question->labels[i], label))
            return i;
    }
    if (question->label_count == LABELS_MAX)
        return LABELS_MAX;
    question->labels[question->label_count] = label;
    return question->label_count++;
}

/* How long a counter is kept: its window, or what stands for a lifetime. */
static int64_t period_of(const struct cap *cap, const struct campaign *campaign, int64_t now_us)
{
    int64_t kept_ms = CAP_LIFETIME_KEPT_MS;
    if (cap->period_ms != CAP_LIFETIME)
        return cap->period_ms;
    if (campaign->end_us != TIME_UNSET) {
        int64_t to_end_ms = (campaign->end_us - now_us) / US_PER_MS + END_KEPT_MS;
        kept_ms = to_end_ms < kept_ms ? to_end_ms : kept_ms;
    }
    return kept_ms > 1 ? kept_ms : 1;
}

static void write_meta(struct question *question, unsigned key, const struct cap *cap,
                       const struct campaign *campaign)
{
    uint8_t *meta = question->meta + (size_t)key * META_BYTES;
    put_number(meta, cap->count, 4);
    meta[4] = cap->period_ms == CAP_LIFETIME;
    put_number(meta + 5, (uint64_t)period_of(cap, campaign, question->now_us), 6);
}

/* The position of the cap's counter, from 1 as in Lua; 0 when there is no place for it. */
static unsigned key_of(struct question *question, const struct cap *cap,
                       const struct campaign *campaign)
{
    for (unsigned i = 0; i < question->key_count; i++) {
        if (question->caps[i] == cap->key)
            return i + 1;
    }
    if (question->key_count == KEYS_MAX)
        return 0;
    write_meta(question, question->key_count, cap, campaign);
    question->caps[question->key_count] = cap->key;
    return ++question->key_count;
}

static void put(struct question *question, uint64_t number, unsigned bytes)
{
    put_number(question->page + question->page_len, number, bytes);
    question->page_len += bytes;
}

/* The caps that a candidate and its followers depend on, each once, and how often. */
struct demand {
    const struct cap *caps[GROUP_CAPS_MAX];
    const struct campaign *campaign;
    uint8_t amounts[GROUP_CAPS_MAX];
    unsigned count;
};

static void demand_caps(struct demand *demand, const struct caps *caps)
{
    for (unsigned i = 0; i < caps->count; i++) {
        unsigned at = 0;
        while (at < demand->count && demand->caps[at]->key != caps->item[i].key)
            at++;
        if (at == demand->count) {
            demand->caps[demand->count] = &caps->item[i];
            demand->amounts[demand->count++] = 0;
        }
        demand->amounts[at]++;
    }
}

static void demand_group(struct demand *demand, const struct selection *selection, unsigned slot,
                         const struct candidate *candidate)
{
    const struct candidate *group[PAGE_SLOTS_MAX];
    unsigned members = page_group(selection, slot, candidate, group);
    demand->campaign = candidate->campaign;
    demand->count = 0;
    for (unsigned i = 0; i < members; i++) {
        demand_caps(demand, &group[i]->campaign->caps);
        demand_caps(demand, &group[i]->creative->caps);
    }
}

static bool add_demand(struct question *question, const struct demand *demand)
{
    put(question, demand->count, 1);
    for (unsigned i = 0; i < demand->count; i++) {
        unsigned key = key_of(question, demand->caps[i], demand->campaign);
        if (key == 0)
            return false;
        put(question, key, 2);
        put(question, demand->amounts[i], 1);
    }
    return true;
}

static bool add_labels(struct question *question, const struct slice_list *labels)
{
    if (labels->count > LABELS_MAX)
        return false;
    put(question, labels->count, 1);
    for (unsigned i = 0; i < labels->count; i++) {
        unsigned number = label_number(question, labels->item[i]);
        if (number == LABELS_MAX)
            return false;
        put(question, number, 1);
    }
    return true;
}

static enum rule rule_of(const struct candidate *candidate)
{
    if (candidate->follows)
        return RULE_FOLLOWS;
    return candidate->campaign->roadblock == ROADBLOCK_OFF ? RULE_ONCE : RULE_REPEATS;
}

/* What can't be asked about is refused, and what a leader asks for its followers need not. */
static void add_candidate(struct question *question, const struct selection *selection,
                          unsigned slot, const struct candidate *candidate)
{
    const struct campaign *campaign = candidate->campaign;
    struct demand demand = {.count = 0};
    put(question, creative_number(question, candidate->creative), 2);
    put(question, campaign_number(question, campaign), 2);
    put(question, rule_of(candidate), 1);
    size_t before = question->page_len;
    if (candidate->capped && !page_is_paid(candidate))
        demand_group(&demand, selection, slot, candidate);
    if (add_labels(question, &campaign->exclusions) && add_demand(question, &demand))
        return;
    question->page_len = before;
    put(question, 0, 1);
    put(question, REFUSED, 1);
}

static void add_slots(struct question *question, const struct selection *selection)
{
    for (unsigned s = 0; s < selection->slot_count; s++) {
        const struct slot_selection *slot = &selection->slots[s];
        question->page[question->page_len++] = (uint8_t)slot->count;
        for (unsigned c = 0; c < slot->count; c++)
            add_candidate(question, selection, s, &slot->candidates[c]);
    }
}

struct slice viewer_cap_key(char *buffer, struct slice prefix, const struct viewer_key *viewer,
                            uint64_t cap_key)
{
    uint8_t cap[CAP_KEY_BYTES];
    char *at = buffer;
    CHECK(prefix.len <= VIEWER_CAP_PREFIX_MAX);
    put_number(cap, cap_key, sizeof cap);
    memcpy(at, prefix.ptr, prefix.len);
    at += prefix.len;
    memcpy(at, "cap:{", 5);
    at += 5;
    at += base64url_encode(at, viewer->bytes, sizeof viewer->bytes);
    *at++ = '}';
    at += base64url_encode(at, cap, sizeof cap);
    return slice_of(buffer, (size_t)(at - buffer));
}

/* Of every counter, one behind the other in `text`. */
static void write_keys(const struct question *question, struct slice prefix,
                       const struct viewer_key *viewer, char *text, struct slice *ret_keys)
{
    for (unsigned i = 0; i < question->key_count; i++) {
        ret_keys[i] = viewer_cap_key(text, prefix, viewer, question->caps[i]);
        text += ret_keys[i].len;
    }
}

/* False unless it is one mask a slot. */
static bool read_masks(const struct redis_reply *reply, unsigned slot_count, uint32_t *ret_masks)
{
    if (reply->type != REDIS_ARRAY || reply->count != slot_count)
        return false;
    for (unsigned i = 0; i < slot_count; i++) {
        int64_t mask = reply->items[i].integer;
        if (reply->items[i].type != REDIS_INTEGER || mask < 0 || mask >> CANDIDATES_MAX != 0)
            return false;
        ret_masks[i] = (uint32_t)mask;
    }
    return true;
}

static void on_reserved(enum redis_failure failure, const struct redis_reply *reply, void *arg)
{
    struct reservation reservation = *(struct reservation *)arg;
    uint32_t refused[PAGE_SLOTS_MAX] = {0};
    free(arg);
    if (failure == REDIS_OK && !read_masks(reply, reservation.slot_count, refused))
        failure = REDIS_ERROR;
    reservation.fn(failure, failure == REDIS_OK ? refused : NULL, reservation.arg);
}

void viewer_caps_reserve(struct redis *redis, struct slice prefix, const struct viewer_key *viewer,
                         const struct selection *selection, int64_t now_us, int timeout_ms,
                         viewer_caps_fn *fn, void *arg)
{
    struct question question;
    struct slice keys[KEYS_MAX];
    char text[KEYS_MAX * VIEWER_CAP_KEY_MAX];
    struct reservation *reservation = check_malloc(sizeof *reservation);
    CHECK(prefix.len <= VIEWER_CAP_PREFIX_MAX && selection->slot_count <= PAGE_SLOTS_MAX);

    question.now_us = now_us;
    question.creative_count = question.campaign_count = 0;
    question.label_count = question.key_count = 0;
    question.page_len = 0;
    add_slots(&question, selection);
    write_keys(&question, prefix, viewer, text, keys);
    *reservation = (struct reservation){.slot_count = selection->slot_count, .fn = fn, .arg = arg};
    struct slice args[] = {
        slice_of((const char *)question.meta, (size_t)question.key_count * META_BYTES),
        slice_of((const char *)question.page, question.page_len)};
    redis_run_script(redis, script_get(SCRIPT_RESERVE), keys, question.key_count, args, 2,
                     timeout_ms, on_reserved, reservation);
}
