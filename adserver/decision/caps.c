#include "decision/caps.h"

#include "decision/list.h"

#define FNV_OFFSET_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME        UINT64_C(0x100000001b3)

static const struct unit {
    char letter;
    int64_t ms;
} units[] = {
    {'s', INT64_C(1000)},     {'m', INT64_C(60000)},     {'h', INT64_C(3600000)},
    {'d', INT64_C(86400000)}, {'w', INT64_C(604800000)},
};

static int64_t unit_ms(char letter)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (units[i].letter == letter)
            return units[i].ms;
    }
    return 0;
}

static uint64_t fnv1a(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * FNV_PRIME;
    return hash;
}

/*
 * The counter's name: FNV-1a (64 bits) over the owner, a zero byte and the eight bytes of the
 * period in milliseconds, least first; then the finisher of splitmix64, so that every bit of the
 * result depends on all of it. Counters in Redis bear it: it must never change.
 */
static uint64_t cap_key(struct slice owner, int64_t period_ms)
{
    uint8_t period[8];
    for (unsigned i = 0; i < sizeof period; i++)
        period[i] = (uint8_t)((uint64_t)period_ms >> (8 * i));
    uint64_t hash = fnv1a(FNV_OFFSET_BASIS, owner.ptr, owner.len);
    hash = fnv1a(hash, "", 1);
    hash = fnv1a(hash, period, sizeof period);
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 31);
}

static bool period_parse(struct slice text, int64_t *ret_ms)
{
    if (slice_eq(text, SLICE("lifetime"))) {
        *ret_ms = CAP_LIFETIME;
        return true;
    }
    int64_t unit = text.len > 0 ? unit_ms(text.ptr[text.len - 1]) : 0;
    uint64_t number;
    if (unit == 0 || !slice_to_u64(slice_of(text.ptr, text.len - 1),
                                   (uint64_t)(CAP_PERIOD_MAX_MS / unit), &number))
        return false;
    *ret_ms = (int64_t)number * unit;
    return number > 0;
}

static bool cap_parse(struct slice text, struct slice owner, struct cap *ret, struct err *err)
{
    size_t slash = slice_find(text, '/');
    uint64_t count;
    int64_t period_ms;
    if (slash == text.len)
        return err_set(err, "\"%s\" is not a cap", err_quote(text));
    if (!slice_to_u64(slice_of(text.ptr, slash), CAP_COUNT_MAX, &count) || count == 0)
        return err_set(err, "the count of \"%s\" is not allowed", err_quote(text));
    if (!period_parse(slice_from(text, slash + 1), &period_ms))
        return err_set(err, "the period of \"%s\" is not allowed", err_quote(text));
    *ret = (struct cap){(uint32_t)count, period_ms, cap_key(owner, period_ms)};
    return true;
}

static bool has_period(const struct caps *caps, int64_t period_ms)
{
    for (unsigned i = 0; i < caps->count; i++) {
        if (caps->item[i].period_ms == period_ms)
            return true;
    }
    return false;
}

bool caps_parse(struct slice text, struct slice owner, struct caps *ret, struct err *err)
{
    struct slice items[LIST_MAX];
    struct caps caps = {.count = 0};
    unsigned count = 0;
    if (!list_split(text, CAPS_MAX, items, &count, err))
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct cap *cap = &caps.item[i];
        if (!cap_parse(items[i], owner, cap, err))
            return false;
        if (has_period(&caps, cap->period_ms))
            return err_set(err, "the period of \"%s\" stands there twice", err_quote(items[i]));
        caps.count++;
    }
    *ret = caps;
    return true;
}
