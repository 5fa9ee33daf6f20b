#include "decision/conversion.h"

#include "decision/number.h"

#define CURRENCY_STEP (CONVERSION_CURRENCY_BYTES + 1)

/* ISO 4217's codes of money in use, in alphabetical order; metals, units of account and tests are
 * left out. */
static const char currencies[] =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR "
    "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS "
    "UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ";

static bool is_currency(struct slice text)
{
    if (text.len != CONVERSION_CURRENCY_BYTES)
        return false;
    for (size_t i = 0; i + CURRENCY_STEP < sizeof currencies; i += CURRENCY_STEP) {
        if (slice_eq(text, slice_of(currencies + i, CONVERSION_CURRENCY_BYTES)))
            return true;
    }
    return false;
}

static bool is_order_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool is_order(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_order_byte(text.ptr[i]))
            return false;
    }
    return text.len > 0 && text.len <= CONVERSION_ORDER_MAX;
}

static bool take_value(struct conversion_reading *reading, struct slice text, struct err *err)
{
    struct err reason = {"", ""};
    uint64_t micro;
    (void)err_at(err, "value");
    if (reading->has_value)
        return err_set(err, "it stands twice");
    if (!decimal_parse(text, DECIMAL_PLACES_MAX, (uint64_t)CONVERSION_VALUE_MAX_MICRO, &micro,
                       &reason))
        return err_set(err,
                       "%s; allowed is a decimal number from 0 to 1000000000, at most 6 digits "
                       "behind the point",
                       reason.text);
    reading->conversion.value_micro = (int64_t)micro;
    reading->has_value = true;
    return true;
}

static bool take_currency(struct slice *to, struct slice text, struct err *err)
{
    (void)err_at(err, "currency");
    if (to->len > 0)
        return err_set(err, "it stands twice");
    if (!is_currency(text))
        return err_set(err,
                       "\"%s\" is no currency; allowed are codes of ISO 4217 in capitals, such "
                       "as EUR",
                       err_quote(text));
    *to = text;
    return true;
}

static bool take_order(struct slice *to, struct slice text, struct err *err)
{
    (void)err_at(err, "order");
    if (to->len > 0)
        return err_set(err, "it stands twice");
    if (!is_order(text))
        return err_set(err,
                       "\"%s\" is no order; allowed are 1 to %d letters, digits, `.`, `_` and `-`",
                       err_quote(text), CONVERSION_ORDER_MAX);
    *to = text;
    return true;
}

bool conversion_take(struct conversion_reading *reading, struct slice name, struct slice value,
                     struct err *err)
{
    if (slice_eq(name, SLICE("value")))
        return take_value(reading, value, err);
    if (slice_eq(name, SLICE("currency")))
        return take_currency(&reading->conversion.currency, value, err);
    if (slice_eq(name, SLICE("order")))
        return take_order(&reading->conversion.order, value, err);
    return true;
}

bool conversion_check(const struct conversion_reading *reading, struct err *err)
{
    bool has_currency = reading->conversion.currency.len > 0;
    if (reading->has_value == has_currency)
        return true;
    (void)err_at(err, "%s", has_currency ? "value" : "currency");
    return err_set(err, "it is missing; value and currency stand together");
}

bool conversion_is_valid(const struct conversion *conversion)
{
    bool has_value = conversion->currency.len > 0;
    return conversion->value_micro >= 0 && conversion->value_micro <= CONVERSION_VALUE_MAX_MICRO &&
           (has_value ? is_currency(conversion->currency) : conversion->value_micro == 0) &&
           (conversion->order.len == 0 || is_order(conversion->order));
}

int64_t conversion_window_ms(int64_t page_ttl_ms, int64_t click_window_ms, int64_t view_window_ms)
{
    int64_t after_click_ms = page_ttl_ms + click_window_ms;
    return after_click_ms > view_window_ms ? after_click_ms : view_window_ms;
}
