#include "decision/fragment.h"

#include "base/check.h"
#include "base/strbuf.h"

/* A byte becomes six at most (\u0000); names, ids and numbers fit into the rest. */
#define ESCAPED_MAX  (((size_t)HTML_MAX + (size_t)MACROS_MAX * ID_MAX) * 6)
#define FRAGMENT_MAX (ESCAPED_MAX + 4096)

static void add_text(struct strbuf *json, const char *name, struct slice text)
{
    strbuf_addf(json, ",\"%s\":", name);
    strbuf_add_json(json, text);
}

static void add_size(struct strbuf *json, struct size size)
{
    strbuf_addf(json, ",\"width\":%u,\"height\":%u", size.width, size.height);
}

static void add_members(struct strbuf *json, const struct creative *creative)
{
    switch (creative->type) {
    case CREATIVE_IMAGE:
        add_size(json, creative->size);
        if (creative->content.pieces.count == 0)
            add_text(json, "image", creative->image);
        add_text(json, "alt", creative->alt);
        break;
    case CREATIVE_HTML:
        add_size(json, creative->size);
        if (creative->content.pieces.count == 0)
            add_text(json, "html", creative->html);
        break;
    case CREATIVE_TEXT:
        add_text(json, "title", creative->title);
        add_text(json, "body", creative->body);
        add_text(json, "cta", creative->cta);
        break;
    }
}

static struct slice compose(const struct creative *creative, struct arena *arena)
{
    struct strbuf json;
    strbuf_init(&json, FRAGMENT_MAX);
    strbuf_add_cstr(&json, "\"campaign\":");
    strbuf_add_json(&json, creative->campaign);
    add_text(&json, "creative", creative->id);
    add_text(&json, "type", slice_cstr(creative_type_words[creative->type]));
    add_members(&json, creative);
    CHECK(!json.overflowed);
    struct slice fragment = arena_copy(arena, strbuf_slice(&json));
    strbuf_release(&json);
    return fragment;
}

/* The inside of a JSON string: without its quotes. */
static struct slice escape(struct arena *arena, struct slice text)
{
    struct strbuf json;
    strbuf_init(&json, ESCAPED_MAX + 2);
    strbuf_add_json(&json, text);
    CHECK(!json.overflowed);
    struct slice whole = strbuf_slice(&json);
    struct slice inside = arena_copy(arena, slice_of(whole.ptr + 1, whole.len - 2));
    strbuf_release(&json);
    return inside;
}

void fragment_build(struct creative *creative, struct arena *arena)
{
    const struct slice_list *pieces = &creative->content.pieces;
    for (unsigned i = 0; creative->type == CREATIVE_HTML && i < pieces->count; i++)
        pieces->item[i] = escape(arena, pieces->item[i]);
    creative->fragment = compose(creative, arena);
}
