/*
 * creative_macros: what may stand in a creative's macros, checked when it is loaded, and the
 * creative with its texts cut.
 */
#ifndef DECISION_CREATIVE_MACROS_H
#define DECISION_CREATIVE_MACROS_H

#include "decision/macro_text.h"

/*
 * Sets `landing_text`, `content` (html not yet escaped), `destinations` and `has_click_id` of a
 * creative whose fields are all read; a text without macros costs a search for braces and stays as
 * it is, and one whose macros are always the same becomes the text with their values.
 *
 * What landing and image may become is an address of the same scheme and host, and a valid one of
 * allowed length at least while the values that come with a request are empty.
 *
 * `click_domains` are the hosts that {click_url=…} may lead to, or below, beside the landing's own.
 * False: `ret_field` names the field that is refused.
 */
bool creative_macros_compile(struct creative *creative, const struct slice_list *click_domains,
                             struct arena *arena, const char **ret_field, struct err *err);

/*
 * Which values come with a request, and may make an address too long or (a control byte) not a
 * valid one: {page_url}, {page_domain}, and in an image the click's address.
 */
bool macro_is_of_request(enum macro macro);

/* Bytes of a {click_id} (serve/token.h), and the longest that a value of ours becomes. */
#define CLICK_ID_MAX  318
#define MACRO_OWN_MAX CLICK_ID_MAX

#endif
