#include "decision/report_metrics.h"

#include "decision/model.h"

static const struct slice fixed[] = {
    SLICE_INIT("serves"),
    SLICE_INIT("impressions"),
    SLICE_INIT("viewables"),
    SLICE_INIT("clicks"),
    SLICE_INIT("conversions"),
    SLICE_INIT("spend"),
    SLICE_INIT("duplicate"),
    SLICE_INIT("late"),
    SLICE_INIT("bot"),
    SLICE_INIT("not_browser"),
    SLICE_INIT("prefetch"),
    SLICE_INIT("head"),
    SLICE_INIT("internal"),
    SLICE_INIT("fast_click"),
    SLICE_INIT("click_rate"),
    SLICE_INIT("click_share"),
    SLICE_INIT("no_click"),
    SLICE_INIT("excess"),
    SLICE_INIT("no_impression"),
    SLICE_INIT("over_goal"),
    SLICE_INIT("serves_bot"),
    SLICE_INIT("serves_not_browser"),
    SLICE_INIT("serves_prefetch"),
    SLICE_INIT("serves_head"),
    SLICE_INIT("serves_internal"),
};
#define FIXED (sizeof fixed / sizeof *fixed)

#define NUMBER_DIGITS 20

static bool is_currency(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
            return false;
    }
    return text.len == 3;
}

enum report_metric_kind report_metric_kind(struct slice word)
{
    for (size_t i = 0; i < REPORT_FIXED; i++) {
        if (slice_eq(word, fixed[i]))
            return REPORT_KIND_COUNT;
    }
    if (slice_eq(word, SLICE("spend_rest")))
        return REPORT_KIND_NONE;
    if (slice_eq(word, SLICE("conversions_viewed")))
        return REPORT_KIND_PART;
    if (slice_starts(word, SLICE("serves_")))
        return REPORT_KIND_SERVE;
    if (slice_starts(word, SLICE("value.")) && is_currency(slice_from(word, strlen("value."))))
        return REPORT_KIND_VALUE;
    return REPORT_KIND_REASON;
}

void report_metrics_init(struct report_metrics *metrics, struct arena *arena)
{
    metrics->arena = arena;
    metrics->count = FIXED;
    memcpy(metrics->words, fixed, sizeof fixed);
}

int report_metrics_find(struct report_metrics *metrics, struct slice word)
{
    for (unsigned i = 0; i < metrics->count; i++) {
        if (slice_eq(metrics->words[i], word))
            return (int)i;
    }
    if (metrics->count == REPORT_METRICS_MAX)
        return -1;
    metrics->words[metrics->count] = arena_copy(metrics->arena, word);
    return (int)metrics->count++;
}

void report_metrics_sort(struct report_metrics *metrics)
{
    for (unsigned i = 0; i < metrics->count; i++) {
        unsigned at = i;
        for (; at > FIXED &&
               slice_compare(metrics->words[metrics->order[at - 1]], metrics->words[i]) > 0;
             at--)
            metrics->order[at] = metrics->order[at - 1];
        metrics->order[at] = i;
    }
}

/* ---- What stands in Redis -------------------------------------------------------------------- */

static bool is_word(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.';
        if (!good)
            return false;
    }
    return text.len > 0 && text.len <= REPORT_METRIC_WORD_MAX;
}

bool report_field_parse(struct slice text, struct report_field *ret)
{
    size_t first = slice_find(text, '|');
    struct slice rest = slice_from(text, first + 1);
    size_t second = slice_find(rest, '|');
    if (first == text.len || second == rest.len)
        return false;
    ret->creative = slice_of(text.ptr, first);
    ret->slot = slice_of(rest.ptr, second);
    ret->metric = slice_from(rest, second + 1);
    return id_is_valid(ret->creative) && id_is_valid(ret->slot) && is_word(ret->metric);
}

bool report_number_parse(struct slice text, int64_t *ret)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    struct slice digits = slice_from(text, negative);
    uint64_t max = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX, number;
    if (digits.len > NUMBER_DIGITS || !slice_to_u64(digits, max, &number))
        return false;
    *ret = negative ? (int64_t)(0 - number) : (int64_t)number;
    return true;
}
