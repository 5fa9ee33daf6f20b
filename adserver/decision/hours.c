#include "decision/hours.h"

#include "decision/text.h"

#define DAYS          7
#define HOURS_PER_DAY 24

struct span {
    unsigned first_day, day_count;
    unsigned from, length; /* hours */
};

static bool read_day(struct slice text, unsigned *ret)
{
    static const char *const words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
    return word_find(text, words, ret);
}

/* "mon" or "fri-sun". */
static bool read_days(struct slice text, struct span *span)
{
    unsigned last;
    size_t dash = slice_find(text, '-');
    if (!read_day(slice_of(text.ptr, dash), &span->first_day))
        return false;
    last = span->first_day;
    if (dash < text.len && !read_day(slice_from(text, dash + 1), &last))
        return false;
    span->day_count = (last + DAYS - span->first_day) % DAYS + 1;
    return true;
}

/* "09-18"; "22-02" ends on the next day. */
static bool read_times(struct slice text, struct span *span)
{
    uint64_t from, to;
    if (text.len != sizeof "09-18" - 1 || text.ptr[2] != '-' ||
        !slice_to_u64(slice_of(text.ptr, 2), HOURS_PER_DAY - 1, &from) ||
        !slice_to_u64(slice_from(text, 3), HOURS_PER_DAY, &to) || from == to)
        return false;
    span->from = (unsigned)from;
    span->length = (unsigned)(to > from ? to - from : to + HOURS_PER_DAY - from);
    return true;
}

static bool read_span(struct slice text, struct span *span)
{
    size_t blank = slice_find(text, ' ');
    if (blank == text.len)
        return read_times(text, span);
    return read_days(slice_of(text.ptr, blank), span) &&
           read_times(slice_trim(slice_from(text, blank)), span);
}

bool hours_add(struct hours *hours, struct slice text)
{
    struct span span = {.first_day = 0, .day_count = DAYS};
    if (!read_span(text, &span))
        return false;
    for (unsigned day = 0; day < span.day_count; day++) {
        unsigned first = (span.first_day + day) * HOURS_PER_DAY + span.from;
        for (unsigned i = first; i < first + span.length; i++) {
            unsigned hour = i % HOURS_PER_WEEK;
            hours->bits[hour / 64] |= UINT64_C(1) << (hour % 64);
        }
    }
    return true;
}
