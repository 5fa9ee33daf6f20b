#include "serve/render.h"

#include <string.h>

#include "base/check.h"
#include "decision/creative_macros.h"
#include "decision/landing.h"

static void add_hex(struct strbuf *buf, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        strbuf_add_char(buf, digits[bytes[i] >> 4]);
        strbuf_add_char(buf, digits[bytes[i] & 15]);
    }
}

static void add_literal(struct strbuf *buf, struct slice literal)
{
    strbuf_add_slice(buf, literal);
}

/* `,"<name>":"<public_url>/v1/<door>/<token>"` */
static void add_address(struct service *service, struct slice name_and_quote, struct slice door,
                        struct slice token)
{
    add_literal(&service->answer, name_and_quote);
    strbuf_add_slice(&service->answer, service->public_url);
    add_literal(&service->answer, door);
    strbuf_add_slice(&service->answer, token);
    strbuf_add_char(&service->answer, '"');
}

/* ---- Macros -----------------------------------------------------------------------------------
 */

/* A number of decimal digits that scripts can compute with: up to 2^53. */
#define RANDOM_BOUND (UINT64_C(1) << 53)

struct ad {
    struct service *service;
    const struct page_answer *answer;
    unsigned position;
    const struct candidate *winner;
    uint8_t impression[IMPRESSION_BYTES];
    struct slice token;  /* of a click that leads to the landing */
    size_t click_id_len; /* 0: not signed yet */
    char click_id[CLICK_ID_TEXT_MAX];
    uint64_t random; /* the same wherever it stands in the ad */
    bool has_random;
    bool without_request; /* values that come with the request are empty */
};

/* What an address was filled into, checked before it is used. */
struct address_rule {
    bool (*is_valid)(struct slice url, struct err *err);
    size_t max;
};
static const struct address_rule landing_rule = {landing_is_valid, LANDING_MAX};
static const struct address_rule image_rule = {image_url_is_valid, URL_MAX};

static struct token token_of(const struct ad *ad)
{
    struct token token = {
        .issued_ms = ad->answer->now_us / US_PER_MS,
        .campaign = ad->winner->campaign->id,
        .creative = ad->winner->creative->id,
        .slot = ad->answer->request->slots[ad->position].name,
        .converts = ad->winner->creative->has_click_id,
    };
    memcpy(token.impression, ad->impression, IMPRESSION_BYTES);
    return token;
}

static size_t sign(const struct ad *ad, struct slice landing, char *text)
{
    struct token token = token_of(ad);
    token.landing = landing;
    return token_sign(ad->service->tokens, &token, text);
}

static struct slice click_id_of(struct ad *ad)
{
    struct token token = token_of(ad);
    if (ad->click_id_len == 0)
        ad->click_id_len = token_sign_click_id(ad->service->tokens, &token, ad->click_id);
    return slice_of(ad->click_id, ad->click_id_len);
}

static void add_click(const struct ad *ad, const struct macro_use *use, struct strbuf *to)
{
    char text[TOKEN_TEXT_MAX];
    struct slice token = ad->token;
    if (use->destination > 0) {
        struct slice landing = ad->winner->creative->destinations.item[use->destination - 1];
        token = slice_of(text, sign(ad, landing, text));
    }
    macro_add(use, ad->service->public_url, to);
    macro_add(use, SLICE("/v1/c/"), to);
    macro_add(use, token, to);
}

/* `..` would be a step up in a path: where no letter or digit is, there is no domain. */
static struct slice page_domain(const struct ad *ad)
{
    struct slice domain = ad->answer->request->facts.domain;
    for (size_t i = 0; i < domain.len; i++) {
        if (domain.ptr[i] != '.')
            return domain;
    }
    return slice_of(NULL, 0);
}

static uint64_t random_of(struct ad *ad)
{
    if (!ad->has_random)
        ad->random = random_below(&ad->service->random, RANDOM_BOUND);
    ad->has_random = true;
    return ad->random;
}

/* Values that are ours: letters, digits, `.`, `_` and `-`, the same however they are encoded. */
static void add_own_value(struct ad *ad, enum macro macro, struct strbuf *to)
{
    switch (macro) {
    case MACRO_REQUEST:
        add_hex(to, ad->answer->request_id, REQUEST_ID_BYTES);
        break;
    case MACRO_SLOT:
        strbuf_add_slice(to, ad->answer->request->slots[ad->position].name);
        break;
    case MACRO_CLICK_ID:
        strbuf_add_slice(to, click_id_of(ad));
        break;
    case MACRO_TIMESTAMP:
        strbuf_add_i64(to, ad->answer->now_us / US_PER_SECOND);
        break;
    default: /* the others stand in no text that is cut */
        CHECK(macro == MACRO_RANDOM);
        strbuf_add_u64(to, random_of(ad));
        break;
    }
}

static void add_value(const struct macro_use *use, void *arg, struct strbuf *to)
{
    struct ad *ad = arg;
    enum macro macro = (enum macro)use->macro;
    if (!macro_is_of_request(macro))
        add_own_value(ad, macro, to);
    else if (ad->without_request)
        return;
    else if (macro == MACRO_CLICK_URL)
        add_click(ad, use, to);
    else
        macro_add(use, macro == MACRO_PAGE_URL ? ad->answer->page_url : page_domain(ad), to);
}

static bool fill(struct ad *ad, const struct macro_text *text, const struct address_rule *rule,
                 struct strbuf *address)
{
    struct err ignored;
    strbuf_clear(address);
    macro_text_expand(text, add_value, ad, address);
    return !address->overflowed && rule->is_valid(strbuf_slice(address), &ignored);
}

/*
 * An address with its values. Where what came with the request makes it too long, or not valid, it
 * goes without: with that it is valid, as was checked when the creative was loaded.
 */
static void add_address_text(struct ad *ad, const struct macro_text *text,
                             const struct address_rule *rule, struct strbuf *address)
{
    strbuf_init(address, rule->max);
    if (fill(ad, text, rule, address))
        return;
    metrics_add(ad->service->metrics, COUNTER_MACROS_EMPTIED, 1);
    ad->without_request = true;
    CHECK(fill(ad, text, rule, address));
    ad->without_request = false;
}

/* ---- Ads ------------------------------------------------------------------------------------- */

/* The member that is left out of the fragment for its macros. */
static void add_content(struct ad *ad)
{
    const struct creative *creative = ad->winner->creative;
    struct strbuf *buf = &ad->service->answer;
    struct strbuf image;
    if (creative->content.pieces.count == 0)
        return;
    if (creative->type == CREATIVE_HTML) {
        add_literal(buf, SLICE(",\"html\":\""));
        macro_text_expand(&creative->content, add_value, ad, buf);
        strbuf_add_char(buf, '"');
        return;
    }
    add_address_text(ad, &creative->content, &image_rule, &image);
    add_literal(buf, SLICE(",\"image\":"));
    strbuf_add_json(buf, strbuf_slice(&image));
    strbuf_release(&image);
}

static size_t sign_landing(struct ad *ad, char *text)
{
    const struct creative *creative = ad->winner->creative;
    struct strbuf landing;
    if (creative->landing_text.pieces.count == 0)
        return sign(ad, creative->landing, text);
    add_address_text(ad, &creative->landing_text, &landing_rule, &landing);
    size_t len = sign(ad, strbuf_slice(&landing), text);
    strbuf_release(&landing);
    return len;
}

static void add_ad(struct service *service, const struct page_answer *answer, unsigned position,
                   const struct candidate *winner)
{
    char text[TOKEN_TEXT_MAX];
    struct ad ad = {.service = service, .answer = answer, .position = position, .winner = winner};
    impression_next(service->impressions, winner->campaign->id, answer->now_us, ad.impression);
    ad.token = slice_of(text, sign_landing(&ad, text));

    strbuf_add_char(&service->answer, ',');
    strbuf_add_slice(&service->answer, winner->creative->fragment);
    add_content(&ad);
    if (winner->creative->landing.len)
        add_address(service, SLICE(",\"click_url\":\""), SLICE("/v1/c/"), ad.token);
    add_address(service, SLICE(",\"impression_url\":\""), SLICE("/v1/i/"), ad.token);
    add_address(service, SLICE(",\"viewable_url\":\""), SLICE("/v1/v/"), ad.token);
}

/* What the tag sends back of this ad while it is on the page. */
static void add_mark(struct service *service, const struct page_answer *answer,
                     const struct candidate *winner)
{
    char text[PAGE_MARK_TEXT_MAX];
    const struct page_mark mark = {
        .issued_ms = answer->now_us / US_PER_MS,
        .campaign = winner->campaign->id,
        .creative = winner->creative->id,
    };
    add_literal(&service->answer, SLICE(",\"page\":\""));
    strbuf_add(&service->answer, text, token_sign_mark(service->tokens, &mark, text));
    strbuf_add_char(&service->answer, '"');
}

static void add_unfilled(struct strbuf *buf, const struct page_slot *slot,
                         const struct slot_selection *selection)
{
    add_literal(buf, SLICE(",\"unfilled\":\""));
    strbuf_add_cstr(buf, slot->index ? reason_rows[selection_unfilled_reason(selection)].word
                                     : "unknown_slot");
    strbuf_add_char(buf, '"');
}

void render_answer(struct service *service, const struct page_answer *answer)
{
    struct strbuf *buf = &service->answer;

    strbuf_clear(buf);
    add_literal(buf, SLICE("{\"request\":\""));
    add_hex(buf, answer->request_id, REQUEST_ID_BYTES);
    add_literal(buf, SLICE("\",\"ads\":["));
    for (unsigned i = 0; i < answer->request->slot_count; i++) {
        const struct slot_selection *slot = &answer->selection->slots[i];
        if (i > 0)
            strbuf_add_char(buf, ',');
        add_literal(buf, SLICE("{\"slot\":"));
        strbuf_add_json(buf, answer->request->slots[i].name);
        if (answer->chosen[i] >= 0) {
            add_ad(service, answer, i, &slot->candidates[answer->chosen[i]]);
            add_mark(service, answer, &slot->candidates[answer->chosen[i]]);
        } else {
            add_unfilled(buf, &answer->request->slots[i], slot);
        }
        strbuf_add_char(buf, '}');
    }
    add_literal(buf, SLICE("]}"));
}
