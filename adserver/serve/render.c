#include "serve/render.h"

#include <string.h>

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

/* Html whose macros are expanded: its pieces with the click address between them. */
static void add_html(struct service *service, const struct creative *creative, struct slice token)
{
    struct strbuf *buf = &service->answer;
    if (creative->html_parts.count == 0)
        return;
    add_literal(buf, SLICE(",\"html\":\""));
    for (unsigned i = 0; i < creative->html_parts.count; i++) {
        if (i > 0) {
            strbuf_add_slice(buf, service->public_url);
            add_literal(buf, SLICE("/v1/c/"));
            strbuf_add_slice(buf, token);
        }
        strbuf_add_slice(buf, creative->html_parts.item[i]);
    }
    strbuf_add_char(buf, '"');
}

static size_t sign(struct service *service, const struct page_answer *answer, unsigned position,
                   const struct candidate *winner, char *text)
{
    struct token token = {
        .issued_ms = answer->now_us / US_PER_MS,
        .campaign = winner->campaign->id,
        .creative = winner->creative->id,
        .slot = answer->request->slots[position].name,
        .landing = winner->creative->landing,
    };
    memcpy(token.impression, answer->request_id, REQUEST_ID_BYTES);
    token.impression[REQUEST_ID_BYTES] = (uint8_t)position;
    return token_sign(service->tokens, &token, text);
}

static void add_ad(struct service *service, const struct page_answer *answer, unsigned position,
                   const struct candidate *winner)
{
    char text[TOKEN_TEXT_MAX];
    struct slice token = slice_of(text, sign(service, answer, position, winner, text));

    strbuf_add_char(&service->answer, ',');
    strbuf_add_slice(&service->answer, winner->creative->fragment);
    add_html(service, winner->creative, token);
    if (winner->creative->landing.len)
        add_address(service, SLICE(",\"click_url\":\""), SLICE("/v1/c/"), token);
    add_address(service, SLICE(",\"impression_url\":\""), SLICE("/v1/i/"), token);
    add_address(service, SLICE(",\"viewable_url\":\""), SLICE("/v1/v/"), token);
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
        add_literal(buf, SLICE("{\"slot\":\"")); /* an id needs no escaping */
        strbuf_add_slice(buf, answer->request->slots[i].name);
        strbuf_add_char(buf, '"');
        if (answer->chosen[i] >= 0)
            add_ad(service, answer, i, &slot->candidates[answer->chosen[i]]);
        else
            add_unfilled(buf, &answer->request->slots[i], slot);
        strbuf_add_char(buf, '}');
    }
    add_literal(buf, SLICE("]}"));
}
