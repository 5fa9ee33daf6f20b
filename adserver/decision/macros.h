/*
 * macros: names in braces that are replaced when an ad is served: `{click_url}`, `{page_url:url}`,
 * `{click_url=https://shop.example/b}`. Braces around anything else (CSS, scripts) are just text.
 */
#ifndef DECISION_MACROS_H
#define DECISION_MACROS_H

#include <stdbool.h>

#include "base/slice.h"

enum macro {
    MACRO_CLICK_URL,
    MACRO_CLICK_ID,
    MACRO_REQUEST,
    MACRO_SLOT,
    MACRO_CAMPAIGN,
    MACRO_CREATIVE,
    MACRO_PAGE_URL,
    MACRO_PAGE_DOMAIN,
    MACRO_TIMESTAMP,
    MACRO_RANDOM,
    MACRO_WIDTH,
    MACRO_HEIGHT,
    MACRO_COUNT
};
extern const char *const macro_words[]; /* by enum macro, NULL at the end */

enum macro_form { MACRO_PLAIN, MACRO_URL, MACRO_HTML }; /* {x}, {x:url}, {x:html} */

struct macro_found {
    struct slice text; /* with its braces */
    enum macro macro;
    enum macro_form form;
    /* {click_url=…} names where its click leads; the text between `=` and the closing brace. */
    bool has_destination;
    bool is_closed; /* false: a destination without a closing brace, up to the text's end */
    struct slice destination;
};

/* Finds the first macro in `text`; the slices of `ret` point into it. */
bool macro_find(struct slice text, struct macro_found *ret);

#endif
