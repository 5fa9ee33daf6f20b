#include "decision/creative_macros.h"

#include "base/check.h"
#include "decision/landing.h"

#define MASKED_MAX (URL_MAX > LANDING_MAX ? URL_MAX : LANDING_MAX)

/* The two fields that hold addresses. */
struct address_field {
    const char *name;
    bool (*is_valid)(struct slice url, struct err *err);
    size_t max;
    bool may_hold_click;
};
static const struct address_field landing_field = {"landing", landing_is_valid, LANDING_MAX, false};
static const struct address_field image_field = {"image", image_url_is_valid, URL_MAX, true};

bool macro_is_of_request(enum macro macro)
{
    return macro == MACRO_PAGE_URL || macro == MACRO_PAGE_DOMAIN || macro == MACRO_CLICK_URL;
}

static bool has_macros(struct slice text)
{
    struct macro_found ignored;
    return macro_find(text, &ignored);
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static bool may_stand(const struct address_field *field, const struct macro_found *found,
                      struct err *err)
{
    if (found->has_destination)
        return err_set(err, "\"%s\" may stand in html alone", err_quote(found->text));
    if (found->macro == MACRO_CLICK_URL && !field->may_hold_click)
        return err_set(err, "\"%s\" can't stand in the address that the click leads to",
                       err_quote(found->text));
    return true;
}

/*
 * The address with letters in place of its macros, byte for byte: what is wrong with it now is
 * wrong with whatever stands there later (a broken percent escape that a value would complete).
 */
static bool mask(struct slice text, const struct address_field *field, char *masked,
                 size_t *ret_first, struct err *err)
{
    struct macro_found found;
    struct slice rest = text;
    *ret_first = text.len;
    if (text.len > field->max)
        return err_set(err, "the address has %zu bytes, more than %zu", text.len, field->max);
    memcpy(masked, text.ptr, text.len);
    while (macro_find(rest, &found)) {
        size_t at = (size_t)(found.text.ptr - text.ptr);
        if (!may_stand(field, &found, err))
            return false;
        if (*ret_first == text.len)
            *ret_first = at;
        memset(masked + at, 'x', found.text.len);
        rest = slice_from(text, at + found.text.len);
    }
    return true;
}

/* A macro stands behind scheme, host and port, and behind what ends them. */
static bool check_written(struct slice text, const struct address_field *field, struct err *err)
{
    char bytes[MASKED_MAX];
    size_t first;
    if (!mask(text, field, bytes, &first, err))
        return false;
    struct slice masked = slice_of(bytes, text.len);
    if (!field->is_valid(masked, err))
        return false;
    if (first <= address_origin_len(masked))
        return err_set(err, "a macro stands in its scheme, host or port");
    return true;
}

/* Ours at their longest, those that come with a request empty. */
static void add_longest(const struct macro_use *use, void *arg, struct strbuf *to)
{
    static const uint16_t lengths[MACRO_COUNT] = {
        [MACRO_CLICK_ID] = CLICK_ID_MAX,
        [MACRO_REQUEST] = 32, /* hexadecimal digits */
        [MACRO_SLOT] = ID_MAX,
        [MACRO_TIMESTAMP] = 20, /* any int64_t */
        [MACRO_RANDOM] = 20,
    };
    (void)arg;
    for (unsigned i = 0; i < lengths[use->macro]; i++)
        strbuf_add_char(to, 'x');
}

static bool check_expanded(const struct macro_text *text, const struct address_field *field,
                           struct err *err)
{
    struct strbuf address;
    struct err reason = {"", ""};
    strbuf_init(&address, 2 * MASKED_MAX + MACROS_MAX * MACRO_OWN_MAX);
    macro_text_expand(text, add_longest, NULL, &address);
    bool fine = !address.overflowed && field->is_valid(strbuf_slice(&address), &reason);
    strbuf_release(&address);
    return fine || err_set(err, "with its macros' longest values: %s", reason.text);
}

static bool compile_address(struct creative *creative, const struct address_field *field,
                            struct arena *arena, struct slice *address, struct macro_text *ret,
                            struct err *err)
{
    struct macro_text text;
    struct slice_list none;
    if (!has_macros(*address))
        return true;
    if (!check_written(*address, field, err) ||
        !macro_text_compile(*address, MACRO_IN_ADDRESS, creative, arena, &text, &none, err) ||
        !check_expanded(&text, field, err))
        return false;
    if (text.uses.len > 0)
        *ret = text;
    else
        *address = text.pieces.item[0];
    return true;
}

/* ---- Html ------------------------------------------------------------------------------------ */

static bool is_at_or_below(struct slice host, struct slice domain)
{
    if (host.len < domain.len || !slice_eq_nocase(slice_from(host, host.len - domain.len), domain))
        return false;
    return host.len == domain.len || host.ptr[host.len - domain.len - 1] == '.';
}

static bool may_lead_to(const struct creative *creative, const struct slice_list *click_domains,
                        struct slice host)
{
    if (creative->landing.len > 0 && slice_eq_nocase(host, address_host(creative->landing)))
        return true;
    for (unsigned i = 0; i < click_domains->count; i++) {
        if (is_at_or_below(host, click_domains->item[i]))
            return true;
    }
    return false;
}

static bool check_destination(const struct creative *creative,
                              const struct slice_list *click_domains, struct slice to,
                              struct err *err)
{
    struct err reason = {"", ""};
    const char *quoted = err_quote(to);
    if (slice_find(to, '{') < to.len)
        return err_set(err, "{click_url=%s}: a brace may not stand in where a click leads", quoted);
    if (!landing_is_valid(to, &reason))
        return err_set(err, "{click_url=%s}: %s", quoted, reason.text);
    if (!may_lead_to(creative, click_domains, address_host(to)))
        return err_set(err,
                       "{click_url=%s}: \"%s\" is neither in click_domains nor the landing's host",
                       quoted, err_quote(address_host(to)));
    return true;
}

static bool compile_html(struct creative *creative, const struct slice_list *click_domains,
                         struct arena *arena, struct err *err)
{
    struct macro_text text;
    struct slice_list destinations;
    if (!has_macros(creative->html))
        return true;
    if (!macro_text_compile(creative->html, MACRO_IN_HTML, creative, arena, &text, &destinations,
                            err))
        return false;
    for (unsigned i = 0; i < destinations.count; i++) {
        if (!check_destination(creative, click_domains, destinations.item[i], err))
            return false;
    }
    creative->destinations = destinations;
    if (text.uses.len > 0)
        creative->content = text;
    else
        creative->html = text.pieces.item[0];
    return true;
}

/* Html's {click_url} leads to the landing, so there has to be one. */
static bool check_landing(const struct creative *creative, struct err *err)
{
    const struct macro_use *uses = macro_text_uses(&creative->content);
    for (unsigned i = 0; i < macro_text_use_count(&creative->content); i++) {
        if (uses[i].macro == MACRO_CLICK_URL && uses[i].destination == 0 &&
            creative->landing.len == 0)
            return err_set(err, "html holds {click_url} and needs it");
    }
    return true;
}

static bool holds_click_id(const struct macro_text *text)
{
    const struct macro_use *uses = macro_text_uses(text);
    for (unsigned i = 0; i < macro_text_use_count(text); i++) {
        if (uses[i].macro == MACRO_CLICK_ID)
            return true;
    }
    return false;
}

/* ---- All of it ------------------------------------------------------------------------------- */

bool creative_macros_compile(struct creative *creative, const struct slice_list *click_domains,
                             struct arena *arena, const char **ret_field, struct err *err)
{
    *ret_field = "landing";
    if (!compile_address(creative, &landing_field, arena, &creative->landing,
                         &creative->landing_text, err))
        return false;
    *ret_field = "image";
    if (!compile_address(creative, &image_field, arena, &creative->image, &creative->content, err))
        return false;
    *ret_field = "html";
    if (!compile_html(creative, click_domains, arena, err))
        return false;
    creative->has_click_id =
        holds_click_id(&creative->landing_text) || holds_click_id(&creative->content);
    *ret_field = "landing";
    return check_landing(creative, err);
}
