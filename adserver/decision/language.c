#include "decision/language.h"

#define WEIGHT_MAX   1000 /* thousandths */
#define SUBTAG_MAX   8
#define DECIMALS_MAX 3

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* RFC 4647, section 2.1, without `*`. */
static bool is_range(struct slice text)
{
    struct slice subtag;
    for (bool first = true; slice_next(&text, '-', &subtag); first = false) {
        if (subtag.len == 0 || subtag.len > SUBTAG_MAX)
            return false;
        for (size_t i = 0; i < subtag.len; i++)
            if (!is_letter(subtag.ptr[i]) && (first || !is_digit(subtag.ptr[i])))
                return false;
    }
    return true;
}

/* The digits behind "0." or "1.", as thousandths. */
static bool read_decimals(struct slice digits, unsigned *ret)
{
    unsigned value = 0;
    if (digits.len > DECIMALS_MAX)
        return false;
    for (size_t i = 0; i < DECIMALS_MAX; i++) {
        if (i < digits.len && !is_digit(digits.ptr[i]))
            return false;
        value = value * 10 + (i < digits.len ? (unsigned)(digits.ptr[i] - '0') : 0);
    }
    *ret = value;
    return true;
}

/* "q=0.85", in thousandths. */
static bool read_weight(struct slice text, unsigned *ret)
{
    unsigned decimals;
    if (text.len < sizeof("q=0") - 1 || (text.ptr[0] | 0x20) != 'q' || text.ptr[1] != '=' ||
        (text.ptr[2] != '0' && text.ptr[2] != '1') || (text.len > 3 && text.ptr[3] != '.') ||
        !read_decimals(slice_from(text, sizeof("q=0.") - 1), &decimals))
        return false;
    decimals += text.ptr[2] == '1' ? WEIGHT_MAX : 0;
    if (decimals > WEIGHT_MAX)
        return false;
    *ret = decimals;
    return true;
}

/* The range at the front of one item; false for `*` and for what is malformed. */
static bool read_item(struct slice item, struct slice *ret_range, unsigned *ret_weight)
{
    size_t semicolon = slice_find(item, ';');
    struct slice range = slice_trim(slice_of(item.ptr, semicolon));
    unsigned weight = WEIGHT_MAX;

    if (range.len == 0 || !is_range(range))
        return false;
    if (semicolon < item.len && !read_weight(slice_trim(slice_from(item, semicolon + 1)), &weight))
        return false;
    *ret_range = range;
    *ret_weight = weight;
    return true;
}

struct slice language_preferred(struct slice header)
{
    struct slice best = {0}, item, range;
    unsigned best_weight = 0, weight;

    for (unsigned i = 0; i < LANGUAGE_RANGES_MAX && slice_next(&header, ',', &item); i++) {
        if (!read_item(item, &range, &weight) || weight <= best_weight)
            continue;
        best = range;
        best_weight = weight;
        if (weight == WEIGHT_MAX)
            break;
    }
    return best;
}
