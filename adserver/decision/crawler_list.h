/*
 * crawler_list: the patterns by which crawlers are judged: those built in, or those of bots.list.
 *
 * bots.list is a text of one PCRE a line, that a user agent is to have somewhere, in whatever case
 * ("(?-i)" at its beginning: in this case alone). Blanks around a line are no part of it; empty
 * lines, and those that begin with '#', are comments ("\#" begins a pattern). A pattern that the
 * empty text has would take everybody for a crawler, and is refused.
 */
#ifndef DECISION_CRAWLER_LIST_H
#define DECISION_CRAWLER_LIST_H

#include "base/err.h"
#include "base/slice.h"

#define CRAWLER_LIST_BYTES_MAX    (256 * 1024)
#define CRAWLER_LIST_PATTERNS_MAX 4096
#define CRAWLER_LIST_MEMORY_MAX   (32 * 1024 * 1024) /* of all patterns, compiled */

struct crawler_list;

struct crawler_list *crawler_list_built_in(void);

/* NULL with `err`: where is "NAME:line", or NAME alone. The text is not kept. */
struct crawler_list *crawler_list_parse(struct slice text, const char *name, struct err *err);
void crawler_list_free(struct crawler_list *list);

bool crawler_list_is_built_in(const struct crawler_list *list);

/* Whether one of the patterns is in the text. 0.5 to 40 us. */
bool crawler_list_matches(const struct crawler_list *list, struct slice agent);

#endif
