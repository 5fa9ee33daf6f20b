#include "decision/number.h"

#include "base/check.h"
#include "decision/text.h"

static bool all_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

bool number_parse(struct slice text, uint64_t min, uint64_t max, uint64_t *ret, struct err *err)
{
    uint64_t number;
    if (!all_digits(text))
        return err_set(err, "\"%s\" is not a whole number", err_quote(text));
    if (!slice_to_u64(text, max, &number) || number < min)
        return err_set(err, "%s is out of range", err_quote(text));
    *ret = number;
    return true;
}

static uint64_t power_of_ten(unsigned exponent)
{
    uint64_t power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

bool decimal_parse(struct slice text, unsigned places, uint64_t max, uint64_t *ret, struct err *err)
{
    CHECK(places <= DECIMAL_PLACES_MAX);
    size_t point = slice_find(text, '.');
    struct slice whole = slice_of(text.ptr, point), part = slice_from(text, point + 1);
    if (!all_digits(whole) || (point < text.len && !all_digits(part)))
        return err_set(err, "\"%s\" is not a decimal number", err_quote(text));
    if (part.len > places)
        return err_set(err, "%s has more than %u digits behind the point", err_quote(text), places);

    uint64_t scale = power_of_ten(places), units, fraction = 0;
    if (part.len > 0)
        CHECK(slice_to_u64(part, scale, &fraction));
    fraction *= power_of_ten(places - (unsigned)part.len);
    if (!slice_to_u64(whole, max / scale, &units) || units * scale + fraction > max)
        return err_set(err, "%s is out of range", err_quote(text));
    *ret = units * scale + fraction;
    return true;
}
