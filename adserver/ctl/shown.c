#include "ctl/shown.h"

#include "base/utf8.h"

/* What follows a cut text takes no more than this. */
#define CUT_FORMAT "… (%zu bytes)"

static bool is_control(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

/* Line and paragraph separators, marks and embeddings that turn the direction, byte order marks. */
static bool is_treacherous(uint32_t character)
{
    return (character >= 0x200b && character <= 0x200f) ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2060 && character <= 0x206f) || character == 0x061c ||
           character == 0xfeff;
}

static void add_escape(struct strbuf *to, uint32_t character)
{
    static const char letters[] = "\n\r\t\\";
    static const char *const escapes[] = {"\\n", "\\r", "\\t", "\\\\"};
    const char *letter = character > 0 && character < 0x80 ? strchr(letters, (int)character) : NULL;
    if (letter)
        strbuf_add_cstr(to, escapes[letter - letters]);
    else if (character < 0x80)
        strbuf_addf(to, "\\x%02x", (unsigned)character);
    else
        strbuf_addf(to, "\\u{%x}", (unsigned)character);
}

struct slice shown_cut(struct slice text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return slice_of(text.ptr, max);
}

void shown_add(struct strbuf *to, struct slice text, size_t max)
{
    struct slice rest = shown_cut(text, max);
    bool cut = rest.len < text.len;
    while (rest.len > 0) {
        uint32_t character;
        size_t len = utf8_decode(rest, &character);
        if (len == 0)
            strbuf_addf(to, "\\x%02x", (unsigned)(unsigned char)rest.ptr[0]);
        else if (is_control(character) || is_treacherous(character) || character == '\\')
            add_escape(to, character);
        else
            strbuf_add(to, rest.ptr, len);
        rest = slice_from(rest, len > 0 ? len : 1);
    }
    if (cut)
        strbuf_addf(to, CUT_FORMAT, text.len);
}

static void add_json_character(struct strbuf *to, struct slice bytes, uint32_t character)
{
    if (character == '"' || character == '\\')
        strbuf_addf(to, "\\%c", (char)character);
    else if (character == '\n')
        strbuf_add_cstr(to, "\\n");
    else if (is_control(character) || is_treacherous(character))
        strbuf_addf(to, "\\u%04x", (unsigned)character);
    else
        strbuf_add_slice(to, bytes);
}

bool shown_add_json(struct strbuf *to, struct slice text)
{
    if (!utf8_valid(text))
        return false;
    while (text.len > 0) {
        uint32_t character;
        size_t len = utf8_decode(text, &character);
        add_json_character(to, slice_of(text.ptr, len), character);
        text = slice_from(text, len);
    }
    return true;
}

size_t shown_width(struct slice shown)
{
    size_t width = 0;
    for (size_t i = 0; i < shown.len; i++)
        width += ((unsigned char)shown.ptr[i] & 0xc0) != 0x80;
    return width;
}
