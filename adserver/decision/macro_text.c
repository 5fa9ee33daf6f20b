#include "decision/macro_text.h"

#include <stdio.h>

#include "base/check.h"

/* The longest text: html in which every macro has become the longest id. */
#define PIECE_MAX ((size_t)HTML_MAX + (size_t)MACROS_MAX * ID_MAX)

/* ---- Cutting --------------------------------------------------------------------------------- */

struct cutting {
    enum macro_place place;
    const struct creative *creative;
    struct arena *arena;
    struct err *err;
    struct strbuf piece; /* the text since the last use */
    struct slice pieces[MACROS_MAX + 1];
    struct macro_use uses[MACROS_MAX];
    struct slice destinations[MACROS_MAX];
    unsigned macro_count, use_count, destination_count;
};

static void end_piece(struct cutting *cutting)
{
    CHECK(!cutting->piece.overflowed);
    cutting->pieces[cutting->use_count] = arena_copy(cutting->arena, strbuf_slice(&cutting->piece));
    strbuf_clear(&cutting->piece);
}

/* Values that the creative has itself; they are unreserved characters. False: another macro. */
static bool add_fixed(struct cutting *cutting, enum macro macro)
{
    const struct creative *creative = cutting->creative;
    switch (macro) {
    case MACRO_CAMPAIGN:
        strbuf_add_slice(&cutting->piece, creative->campaign);
        return true;
    case MACRO_CREATIVE:
        strbuf_add_slice(&cutting->piece, creative->id);
        return true;
    case MACRO_WIDTH:
        strbuf_add_u64(&cutting->piece, creative->size.width);
        return true;
    case MACRO_HEIGHT:
        strbuf_add_u64(&cutting->piece, creative->size.height);
        return true;
    default:
        return false;
    }
}

/* Its position among the destinations, plus one. */
static uint8_t keep_destination(struct cutting *cutting, struct slice destination)
{
    unsigned i = 0;
    while (i < cutting->destination_count && !slice_eq(cutting->destinations[i], destination))
        i++;
    if (i == cutting->destination_count)
        cutting->destinations[cutting->destination_count++] = destination;
    return (uint8_t)(i + 1);
}

static bool add_macro(struct cutting *cutting, const struct macro_found *found)
{
    bool component = cutting->place == MACRO_IN_ADDRESS || found->form == MACRO_URL;
    struct macro_use use = {.macro = (uint8_t)found->macro,
                            .encoding = component ? MACRO_AS_COMPONENT : MACRO_AS_ADDRESS};
    if (cutting->macro_count++ == MACROS_MAX)
        return err_set(cutting->err, "it holds more than %d macros", MACROS_MAX);
    if (!found->is_closed)
        return err_set(cutting->err, "\"%s\" has no closing brace", err_quote(found->text));
    if (add_fixed(cutting, found->macro))
        return true;
    if (found->has_destination)
        use.destination = keep_destination(cutting, found->destination);
    end_piece(cutting);
    cutting->uses[cutting->use_count++] = use;
    return true;
}

static bool cut_text(struct cutting *cutting, struct slice text)
{
    struct macro_found found;
    while (macro_find(text, &found)) {
        size_t before = (size_t)(found.text.ptr - text.ptr);
        strbuf_add(&cutting->piece, text.ptr, before);
        if (!add_macro(cutting, &found))
            return false;
        text = slice_from(text, before + found.text.len);
    }
    strbuf_add_slice(&cutting->piece, text);
    end_piece(cutting);
    return true;
}

static struct slice_list keep(struct arena *arena, const struct slice *items, unsigned count)
{
    struct slice_list list = {arena_new_array(arena, struct slice, count), count};
    for (unsigned i = 0; i < count; i++)
        list.item[i] = items[i];
    return list;
}

bool macro_text_compile(struct slice text, enum macro_place place, const struct creative *creative,
                        struct arena *arena, struct macro_text *ret,
                        struct slice_list *ret_destinations, struct err *err)
{
    struct cutting cutting = {.place = place, .creative = creative, .arena = arena, .err = err};
    strbuf_init(&cutting.piece, PIECE_MAX);
    bool fine = cut_text(&cutting, text);
    if (fine) {
        size_t bytes = cutting.use_count * sizeof(struct macro_use);
        ret->pieces = keep(arena, cutting.pieces, cutting.use_count + 1);
        ret->uses = arena_copy(arena, slice_of((const char *)cutting.uses, bytes));
        *ret_destinations = keep(arena, cutting.destinations, cutting.destination_count);
    }
    strbuf_release(&cutting.piece);
    return fine;
}

/* ---- Expanding ------------------------------------------------------------------------------- */

void macro_text_expand(const struct macro_text *text, macro_value_fn *add_value, void *arg,
                       struct strbuf *to)
{
    const struct macro_use *uses = macro_text_uses(text);
    for (unsigned i = 0; i < text->pieces.count; i++) {
        strbuf_add_slice(to, text->pieces.item[i]);
        if (i + 1 < text->pieces.count)
            add_value(&uses[i], arg, to);
    }
}

/*
 * Of what may stand in an address (RFC 3986 section 2) these stay: letters, digits, and what
 * neither ends a string, an attribute, a comment or CSS's url(), nor begins a part of a template.
 */
static bool stays(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~:/?#[]@!+,;=%", c));
}

static void add_address(struct strbuf *to, struct slice value)
{
    size_t run = 0;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (stays(c))
            continue;
        strbuf_add(to, value.ptr + run, i - run);
        if (c == '&')
            strbuf_add_cstr(to, "\\u0026amp;");
        else
            strbuf_add_url(to, slice_of(&c, 1));
        run = i + 1;
    }
    strbuf_add_slice(to, slice_from(value, run));
}

void macro_add(const struct macro_use *use, struct slice value, struct strbuf *to)
{
    if (use->encoding == MACRO_AS_COMPONENT)
        strbuf_add_url(to, value);
    else
        add_address(to, value);
}
