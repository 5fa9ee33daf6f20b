#include "ctl/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/shown.h"

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool same_list(struct slice a, struct slice b)
{
    struct slice left, right;
    for (;;) {
        bool more = slice_next(&a, ',', &left);
        if (slice_next(&b, ',', &right) != more)
            return false;
        if (!more)
            return true;
        if (!slice_eq(slice_trim(left), slice_trim(right)))
            return false;
    }
}

struct decimal {
    struct slice whole;    /* without zeros in front; empty: 0 */
    struct slice fraction; /* without zeros at the end */
};

static bool all_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len > 0;
}

static bool decimal_read(struct slice text, struct decimal *ret)
{
    size_t point = slice_find(text, '.');
    struct slice whole = slice_of(text.ptr, point), fraction = slice_from(text, point + 1);
    if (!all_digits(whole) || (point < text.len && !all_digits(fraction)))
        return false;
    while (slice_starts(whole, SLICE("0")))
        whole = slice_from(whole, 1);
    while (slice_ends(fraction, SLICE("0")))
        fraction.len--;
    *ret = (struct decimal){whole, fraction};
    return true;
}

static bool same_number(struct slice a, struct slice b)
{
    struct decimal left, right;
    return decimal_read(a, &left) && decimal_read(b, &right) && slice_eq(left.whole, right.whole) &&
           slice_eq(left.fraction, right.fraction);
}

bool value_same(enum record_form form, struct slice a, struct slice b)
{
    if (slice_eq(a, b))
        return true;
    switch (form) {
    case FORM_LIST:
        return same_list(a, b);
    case FORM_NUMBER:
        return same_number(a, b);
    case FORM_TEXT:
        break;
    }
    return false;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool add_string(struct strbuf *to, struct slice text)
{
    size_t mark = to->len;
    strbuf_add_char(to, '"');
    if (!shown_add_json(to, text)) {
        strbuf_truncate(to, mark);
        return false;
    }
    strbuf_add_char(to, '"');
    return true;
}

static bool add_list(struct strbuf *to, struct slice text)
{
    size_t mark = to->len;
    struct slice item;
    strbuf_add_char(to, '[');
    while (slice_next(&text, ',', &item)) {
        if (to->len > mark + 1)
            strbuf_add_cstr(to, ", ");
        if (!add_string(to, slice_trim(item))) {
            strbuf_truncate(to, mark);
            return false;
        }
    }
    strbuf_add_char(to, ']');
    return true;
}

static bool add_number(struct strbuf *to, struct slice text)
{
    struct decimal decimal;
    if (!decimal_read(text, &decimal) ||
        decimal.whole.len + decimal.fraction.len > VALUE_DIGITS_MAX)
        return add_string(to, text);
    strbuf_add_slice(to, decimal.whole.len > 0 ? decimal.whole : SLICE("0"));
    if (decimal.fraction.len > 0)
        strbuf_addf(to, ".%.*s", SLICE_ARGS(decimal.fraction));
    return true;
}

bool value_add_json(struct strbuf *to, enum record_form form, struct slice text)
{
    switch (form) {
    case FORM_LIST:
        return add_list(to, text);
    case FORM_NUMBER:
        return add_number(to, text);
    case FORM_TEXT:
        break;
    }
    return add_string(to, text);
}

/*
 * The JSON library has no decimals: a number with a point comes as a double. Every decimal of at
 * most VALUE_DIGITS_MAX digits comes back from it as it was written, no allowed value has more, and
 * the field's own rules judge the text, not the double.
 */
void value_print_number(char text[VALUE_NUMBER_MAX], double number)
{
    static const double plain = 1e15;
    for (int places = 0; places <= 17 && fabs(number) < plain; places++) {
        (void)snprintf(text, VALUE_NUMBER_MAX, "%.*f", places, number);
        if (strtod(text, NULL) == number)
            return;
    }
    (void)snprintf(text, VALUE_NUMBER_MAX, "%.17g", number);
}
