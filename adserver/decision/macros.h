/*
 * macros: names in braces that are to be replaced when an ad is served: `{click_url}`,
 * `{page_url:url}`. Braces around anything else (CSS, scripts) are just text.
 */
#ifndef DECISION_MACROS_H
#define DECISION_MACROS_H

#include <stdbool.h>

#include "base/slice.h"

/* Finds the first macro, braces included, in `text`; `*ret_macro` points into it. */
bool macro_find(struct slice text, struct slice *ret_macro);

#endif
