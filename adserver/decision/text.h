/*
 * text: what people write into fields, checked byte by byte.
 */
#ifndef DECISION_TEXT_H
#define DECISION_TEXT_H

#include "base/err.h"
#include "base/slice.h"

enum text_form {
    TEXT_LINE,  /* no control characters at all */
    TEXT_LINES, /* tab, line feed and carriage return may stand in it */
};

/* UTF-8 without control characters (U+0000 to U+001F, U+007F to U+009F). */
bool text_is_clean(struct slice text, enum text_form form, struct err *err);

/* [A-Za-z0-9_.-]{1,32}: names of key-values, and labels. */
#define LABEL_MAX 32
bool label_is_valid(struct slice label);

/*
 * A host name as RFC 1123 has it, in lower case: labels of at most 63 letters, digits and inner
 * hyphens, joined by dots, at most 253 bytes in all. International names stand in punycode.
 */
#define HOST_MAX 253
bool host_is_valid(struct slice host);

/* Whether `host` is `name` or below it, as a.example.com is below example.com. */
bool host_is_within(struct slice host, struct slice name);

/* ASCII alone, whatever the locale. */
static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Position of `text` among `words`, which NULL ends. */
bool word_find(struct slice text, const char *const *words, unsigned *ret_position);

#endif
