#include "decision/macros.h"

const char *const macro_words[] = {
    [MACRO_CLICK_URL] = "click_url",
    [MACRO_CLICK_ID] = "click_id",
    [MACRO_REQUEST] = "request",
    [MACRO_SLOT] = "slot",
    [MACRO_CAMPAIGN] = "campaign",
    [MACRO_CREATIVE] = "creative",
    [MACRO_PAGE_URL] = "page_url",
    [MACRO_PAGE_DOMAIN] = "page_domain",
    [MACRO_TIMESTAMP] = "timestamp",
    [MACRO_RANDOM] = "random",
    [MACRO_WIDTH] = "width",
    [MACRO_HEIGHT] = "height",
    [MACRO_COUNT] = NULL,
};

static bool cut(struct slice *rest, const char *begin)
{
    struct slice prefix = slice_cstr(begin);
    if (!slice_starts(*rest, prefix))
        return false;
    *rest = slice_from(*rest, prefix.len);
    return true;
}

static enum macro_form cut_form(struct slice *rest)
{
    if (cut(rest, ":url"))
        return MACRO_URL;
    return cut(rest, ":html") ? MACRO_HTML : MACRO_PLAIN;
}

/* The end of the macro: a brace, which may have a destination before it. */
static bool cut_ending(struct slice *rest, struct macro_found *found)
{
    found->is_closed = true;
    if (cut(rest, "}"))
        return true;
    if (found->macro != MACRO_CLICK_URL || !cut(rest, "="))
        return false;
    size_t end = slice_find(*rest, '}');
    found->has_destination = true;
    found->is_closed = end < rest->len;
    found->destination = slice_of(rest->ptr, end);
    *rest = slice_from(*rest, end + 1);
    return true;
}

/* The macro that `text`, which begins with a brace, begins with. */
static bool read_macro(struct slice text, struct macro_found *ret)
{
    for (unsigned i = 0; i < MACRO_COUNT; i++) {
        struct macro_found found = {.macro = (enum macro)i};
        struct slice rest = slice_from(text, 1);
        if (!cut(&rest, macro_words[i]))
            continue;
        found.form = cut_form(&rest);
        if (!cut_ending(&rest, &found))
            continue;
        found.text = slice_of(text.ptr, text.len - rest.len);
        *ret = found;
        return true;
    }
    return false;
}

bool macro_find(struct slice text, struct macro_found *ret)
{
    for (;;) {
        text = slice_from(text, slice_find(text, '{'));
        if (text.len == 0)
            return false;
        if (read_macro(text, ret))
            return true;
        text = slice_from(text, 1);
    }
}
