/*
 * macro_text: a text with macros (macros.h), cut when it is loaded, so that rendering it is
 * appending.
 *
 * What is the same in every ad of the creative ({campaign}, {creative}, {width}, {height}) becomes
 * part of the text at once. The other values are written in one of two ways, by where they stand:
 *
 *   MACRO_AS_COMPONENT  percent-encoded but for unreserved characters (RFC 3986 section 2.3): as
 * one component of an address it adds no parameter, path segment, host or scheme. MACRO_AS_ADDRESS
 * as it is, an address, in HTML: whatever could end or begin something there is percent-encoded,
 * which leaves it the same address; then `&` becomes `&amp;`. That is safe in text, in attributes,
 * and in strings of scripts and style sheets, also of those that stand in attributes and are
 * decoded before they run. Character references alone (&#39;) would not be. It is written for a
 *                       JSON string, with `&` as \u0026.
 *
 * Addresses (landing, image) have components alone; in html it is what the author asks for: `:url`.
 */
#ifndef DECISION_MACRO_TEXT_H
#define DECISION_MACRO_TEXT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "decision/macros.h"
#include "decision/model.h"

enum macro_place { MACRO_IN_ADDRESS, MACRO_IN_HTML };
enum macro_encoding { MACRO_AS_COMPONENT, MACRO_AS_ADDRESS };

/* What stands between two pieces of a struct macro_text; its `uses` are an array of these. */
struct macro_use {
    uint8_t macro;       /* enum macro */
    uint8_t encoding;    /* enum macro_encoding */
    uint8_t destination; /* click_url: 0: the ad's landing, else one more than a position */
};

/*
 * Cuts `text` with the creative's ids and size. There is always at least one piece; where `uses` is
 * empty, that piece is the whole text. The destinations of {click_url=…}, each once and unchecked,
 * go to `ret_destinations`. False where there are more than MACROS_MAX macros, or a destination
 * that does not end. All of it is made in `arena`.
 */
bool macro_text_compile(struct slice text, enum macro_place place, const struct creative *creative,
                        struct arena *arena, struct macro_text *ret,
                        struct slice_list *ret_destinations, struct err *err);

static inline unsigned macro_text_use_count(const struct macro_text *text)
{
    return (unsigned)(text->uses.len / sizeof(struct macro_use));
}

static inline const struct macro_use *macro_text_uses(const struct macro_text *text)
{
    return (const struct macro_use *)text->uses.ptr;
}

/* Writes the value of `use`, with macro_add(). */
typedef void macro_value_fn(const struct macro_use *use, void *arg, struct strbuf *to);

/* Appends the text with its values. */
void macro_text_expand(const struct macro_text *text, macro_value_fn *add_value, void *arg,
                       struct strbuf *to);

/* Appends a value, or a part of it, as `use` wants it encoded. */
void macro_add(const struct macro_use *use, struct slice value, struct strbuf *to);

#endif
