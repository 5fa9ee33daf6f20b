#include "decision/replay_kinds.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/replay.h"
#include "decision/replay_tally.h"
#include "decision/request_kind.h"

#define DAY_MS INT64_C(86400000)
#define OTHERS 0 /* row of the kinds that are taken together */

/* A kind on a day; its place + 1 stands in `places`. */
struct part {
    int64_t day;
    uint32_t kind;
    uint64_t records;
    double logged, counted; /* requests */
};

struct sum {
    uint64_t records;
    double logged, counted, factor;
};

struct replay_kinds {
    struct part *parts;
    size_t count, capacity;
    struct replay_tally places; /* by day and kind */
    struct replay_tally rows;   /* row + 1 by kind */
    struct sum *sums;           /* row OTHERS first */
    size_t sum_count;
    int64_t first_day, last_day;
};

struct replay_kinds *replay_kinds_new(void)
{
    return check_calloc(1, sizeof(struct replay_kinds));
}

void replay_kinds_free(struct replay_kinds *kinds)
{
    if (!kinds)
        return;
    replay_tally_release(&kinds->places);
    replay_tally_release(&kinds->rows);
    free(kinds->parts);
    free(kinds->sums);
    free(kinds);
}

static struct part *part_of(struct replay_kinds *kinds, int64_t day, uint32_t kind)
{
    uint64_t key = (uint64_t)day << 32 | kind;
    uint64_t place = replay_tally_get(&kinds->places, key);
    if (place > 0)
        return &kinds->parts[place - 1];
    if (kinds->count == kinds->capacity) {
        kinds->capacity = kinds->capacity ? 2 * kinds->capacity : 256;
        kinds->parts = check_realloc(kinds->parts, kinds->capacity * sizeof *kinds->parts);
    }
    kinds->parts[kinds->count] = (struct part){.day = day, .kind = kind};
    replay_tally_add(&kinds->places, key, kinds->count + 1);
    return &kinds->parts[kinds->count++];
}

void replay_kinds_log(struct replay_kinds *kinds, const struct logged_request *request)
{
    int64_t day = request->at_ms / DAY_MS;
    bool first = kinds->count == 0;
    struct part *part = part_of(kinds, day, request_kind(&request->facts, request->has_viewer));
    part->records++;
    part->logged += (double)replay_weight(request) / REPLAY_ONE;
    if (first || day < kinds->first_day)
        kinds->first_day = day;
    if (first || day > kinds->last_day)
        kinds->last_day = day;
}

bool replay_kinds_days(const struct replay_kinds *kinds, int64_t *ret_first, int64_t *ret_last)
{
    *ret_first = kinds->first_day + 1;
    *ret_last = kinds->last_day - 1;
    return kinds->count > 0 && *ret_first <= *ret_last;
}

void replay_kinds_count(struct replay_kinds *kinds, int64_t day, uint32_t kind, uint64_t requests)
{
    if (kinds->count > 0 && day > kinds->first_day && day < kinds->last_day)
        part_of(kinds, day, kind)->counted += (double)requests;
}

/* ---- The factors ----------------------------------------------------------------------------- */

static bool is_whole_day(const struct replay_kinds *kinds, int64_t day)
{
    return day > kinds->first_day && day < kinds->last_day;
}

/* Days on which counts were kept: only these can be compared. */
static void find_counted_days(const struct replay_kinds *kinds, struct replay_tally *ret)
{
    for (size_t i = 0; i < kinds->count; i++) {
        if (kinds->parts[i].counted > 0)
            replay_tally_add(ret, (uint64_t)kinds->parts[i].day, 1);
    }
}

static size_t row_of(struct replay_kinds *kinds, uint32_t kind)
{
    uint64_t row = replay_tally_get(&kinds->rows, kind);
    if (row > 0)
        return row - 1;
    replay_tally_add(&kinds->rows, kind, kinds->sum_count + 1);
    return kinds->sum_count++;
}

static void add_up(struct replay_kinds *kinds)
{
    struct replay_tally days = {0};
    find_counted_days(kinds, &days);
    kinds->sums = check_calloc(kinds->count + 1, sizeof *kinds->sums);
    kinds->sum_count = OTHERS + 1;
    for (size_t i = 0; i < kinds->count; i++) {
        const struct part *part = &kinds->parts[i];
        struct sum *sum = &kinds->sums[row_of(kinds, part->kind)];
        if (!is_whole_day(kinds, part->day) || replay_tally_get(&days, (uint64_t)part->day) == 0)
            continue;
        sum->records += part->records;
        sum->logged += part->logged;
        sum->counted += part->counted;
    }
    replay_tally_release(&days);
}

static void add_to(struct sum *to, const struct sum *sum)
{
    to->records += sum->records;
    to->logged += sum->logged;
    to->counted += sum->counted;
}

/* What part of all it is in the counts, by what part it is in the log. */
static double factor_of(const struct sum *sum, const struct sum *all)
{
    if (sum->logged <= 0 || sum->counted <= 0)
        return 1;
    return sum->counted / all->counted / (sum->logged / all->logged);
}

bool replay_kinds_finish(struct replay_kinds *kinds)
{
    struct sum all = {0};
    add_up(kinds);
    for (size_t i = OTHERS + 1; i < kinds->sum_count; i++) {
        add_to(&all, &kinds->sums[i]);
        if (kinds->sums[i].records < KINDS_RECORDS_MIN)
            add_to(&kinds->sums[OTHERS], &kinds->sums[i]);
    }
    bool known = all.logged > 0 && all.counted > 0;
    for (size_t i = OTHERS; i < kinds->sum_count; i++) {
        struct sum *sum = &kinds->sums[i];
        const struct sum *of = sum->records < KINDS_RECORDS_MIN ? &kinds->sums[OTHERS] : sum;
        sum->factor = known ? factor_of(of, &all) : 1;
    }
    return known;
}

double replay_kinds_factor(const struct replay_kinds *kinds, const struct logged_request *request)
{
    uint64_t row =
        replay_tally_get(&kinds->rows, request_kind(&request->facts, request->has_viewer));
    return row > 0 ? kinds->sums[row - 1].factor : 1;
}
