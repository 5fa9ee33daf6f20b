#include "decision/macros.h"

static const char *const names[] = {
    "click_url",   "request",   "slot",   "campaign", "creative", "page_url",
    "page_domain", "timestamp", "random", "width",    "height",
};

/* How its value is to be encoded; an encoding of its own is the first one. */
static const char *const endings[] = {"}", ":url}", ":html}"};

static bool cut(struct slice *rest, const char *begin)
{
    struct slice prefix = slice_cstr(begin);
    if (!slice_starts(*rest, prefix))
        return false;
    *rest = slice_from(*rest, prefix.len);
    return true;
}

static bool cut_ending(struct slice *rest)
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (cut(rest, endings[i]))
            return true;
    }
    return false;
}

/* Bytes of the macro that `text`, which begins with a brace, begins with; 0: none. */
static size_t macro_len(struct slice text)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct slice rest = slice_from(text, 1);
        if (cut(&rest, names[i]) && cut_ending(&rest))
            return text.len - rest.len;
    }
    return 0;
}

bool macro_find(struct slice text, struct slice *ret_macro)
{
    for (;;) {
        text = slice_from(text, slice_find(text, '{'));
        if (text.len == 0)
            return false;
        size_t len = macro_len(text);
        if (len > 0) {
            *ret_macro = slice_of(text.ptr, len);
            return true;
        }
        text = slice_from(text, 1);
    }
}
