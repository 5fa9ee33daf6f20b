#include "store/day_fold.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "decision/id_table.h"
#include "decision/report_metrics.h"

#define NOT_NAMED UINT32_MAX
#define STEP_MAX  ((size_t)1024 * 1024) /* bytes of an hour's fields, or of what is packed */

struct field {
    struct slice name;
    uint32_t number; /* in the month; NOT_NAMED: it has none yet */
    int64_t hours[HOURS_A_DAY];
    uint32_t has; /* bits of hours that hold it, zeros too */
};

struct day_fold {
    struct arena *arena;
    unsigned day, named;
    struct id_table table;
    struct field **fields; /* in the order they were met */
    unsigned count, room;
    struct day_fold_step step;
};

static struct slice name_of(const void *item)
{
    return ((const struct field *)item)->name;
}

struct day_fold *day_fold_new(unsigned day)
{
    struct day_fold *fold = check_calloc(1, sizeof *fold);
    fold->arena = arena_new(0);
    fold->day = day;
    fold->table.id_of = name_of;
    for (unsigned i = 0; i < PACKED_RUNS; i++)
        strbuf_init(&fold->step.packed[i], STEP_MAX);
    for (unsigned i = 0; i < HOURS_A_DAY; i++)
        strbuf_init(&fold->step.hours[i], STEP_MAX);
    return fold;
}

void day_fold_free(struct day_fold *fold)
{
    if (!fold)
        return;
    for (unsigned i = 0; i < PACKED_RUNS; i++)
        strbuf_release(&fold->step.packed[i]);
    for (unsigned i = 0; i < HOURS_A_DAY; i++)
        strbuf_release(&fold->step.hours[i]);
    id_table_release(&fold->table);
    free(fold->fields);
    arena_free(fold->arena);
    free(fold);
}

/* ---- What was read --------------------------------------------------------------------------- */

static struct field *add_field(struct day_fold *fold, struct slice name, uint32_t number)
{
    struct field *field = arena_new_item(fold->arena, struct field);
    field->name = arena_copy(fold->arena, name);
    field->number = number;
    if (fold->count == fold->room) {
        fold->room = fold->room > 0 ? 2 * fold->room : 64;
        fold->fields = check_realloc(fold->fields, fold->room * sizeof *fold->fields);
    }
    fold->fields[fold->count++] = field;
    (void)id_table_put(&fold->table, field);
    return field;
}

bool day_fold_take_month(struct day_fold *fold, struct slice packed)
{
    struct packed_reader reader;
    struct packed_entry entry;
    enum packed_item item;
    fold->step.month_len = packed.len;
    packed_begin(&reader, packed);
    while ((item = packed_next(&reader, &entry)) != PACKED_END) {
        if (item == PACKED_BROKEN)
            return false;
        if (item != PACKED_FIELD)
            continue;
        fold->named++;
        if (!id_table_find(&fold->table, entry.name))
            (void)add_field(fold, entry.name, entry.field);
    }
    return packed.len + STEP_MAX <= PACKED_RUN_MAX;
}

static bool is_movable(struct slice field, struct slice text, int64_t *ret)
{
    struct report_field parts;
    bool plain = text.len == 1 || (text.len > 0 && text.ptr[0] != '0');
    return plain && field.len <= PACKED_FIELD_MAX && report_field_parse(field, &parts) &&
           report_number_parse(text, ret) && *ret >= 0 && *ret <= PACKED_NUMBER_MAX;
}

static void take_number(struct day_fold *fold, unsigned hour, struct slice name, struct slice text)
{
    int64_t number;
    if (!is_movable(name, text, &number)) {
        fold->step.stays = true;
        return;
    }
    struct field *field = id_table_find(&fold->table, name);
    if (!field)
        field = add_field(fold, name, NOT_NAMED);
    field->hours[hour] = number;
    field->has |= 1u << hour;
}

void day_fold_take_hour(struct day_fold *fold, unsigned hour, const struct redis_reply *reply)
{
    CHECK(hour < HOURS_A_DAY);
    if (reply->type != REDIS_ARRAY)
        fold->step.stays = true;
    for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2)
        take_number(fold, hour, reply->items[i].text, reply->items[i + 1].text);
}

/* ---- What is to be done ---------------------------------------------------------------------- */

static int64_t sum_of(const int64_t *hours, unsigned count)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += hours[i];
    return sum;
}

/* What a field has in a run: in all of the day, or in a quarter of it. */
static int64_t sum_in(const struct field *field, unsigned run)
{
    return run == 0 ? sum_of(field->hours, HOURS_A_DAY)
                    : sum_of(field->hours + (size_t)(run - 1) * PACKED_HOURS, PACKED_HOURS);
}

static void take_out(struct day_fold *fold, const struct field *field)
{
    for (unsigned hour = 0; hour < HOURS_A_DAY; hour++) {
        struct strbuf *to = &fold->step.hours[hour];
        if (!(field->has >> hour & 1))
            continue;
        strbuf_addf(to, "%.*s\n%lld\n", SLICE_ARGS(field->name), (long long)field->hours[hour]);
        fold->step.numbers++;
    }
}

/* Every run names the same fields, those that the month has not named yet. */
static void name_fields(struct day_fold *fold, struct field *const *chosen, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (sum_in(chosen[i], 0) == 0 || chosen[i]->number != NOT_NAMED)
            continue;
        for (unsigned run = 0; run < PACKED_RUNS; run++)
            packed_add_field(&fold->step.packed[run], chosen[i]->name);
        chosen[i]->number = fold->named++;
    }
}

static void pack_run(struct day_fold *fold, unsigned run, struct field *const *chosen,
                     unsigned count)
{
    struct strbuf *to = &fold->step.packed[run];
    unsigned entries = 0;
    for (unsigned i = 0; i < count; i++)
        entries += sum_in(chosen[i], run) > 0;
    if (entries == 0)
        return;
    packed_add_day(to, fold->day, entries);
    for (unsigned i = 0; i < count; i++) {
        int64_t sum = sum_in(chosen[i], run);
        if (sum > 0 && run == 0)
            packed_add_sum(to, chosen[i]->number, sum);
        else if (sum > 0)
            packed_add_hours(to, chosen[i]->number,
                             chosen[i]->hours + (size_t)(run - 1) * PACKED_HOURS);
    }
}

static void pack(struct day_fold *fold, struct field *const *chosen, unsigned count)
{
    for (unsigned run = 0; run < PACKED_RUNS && fold->step.month_len == 0; run++)
        packed_add_head(&fold->step.packed[run]);
    name_fields(fold, chosen, count);
    for (unsigned run = 0; run < PACKED_RUNS; run++) {
        pack_run(fold, run, chosen, count);
        CHECK(!fold->step.packed[run].overflowed);
    }
}

/* Whether the month may name one more, where it does not yet. */
static bool has_name(const struct day_fold *fold, const struct field *field, unsigned names)
{
    return field->number != NOT_NAMED || fold->named + names < PACKED_FIELDS_MAX;
}

const struct day_fold_step *day_fold_finish(struct day_fold *fold)
{
    struct day_fold_step *step = &fold->step;
    struct field **chosen = arena_new_array(fold->arena, struct field *, fold->count + 1);
    unsigned count = 0, names = 0;
    for (unsigned i = 0; i < fold->count; i++) {
        struct field *field = fold->fields[i];
        if (field->has == 0)
            continue;
        if (!has_name(fold, field, names)) {
            step->stays = true;
        } else if (step->numbers + HOURS_A_DAY > DAY_FOLD_NUMBERS_MAX) {
            step->more = true;
        } else {
            names += field->number == NOT_NAMED;
            take_out(fold, field);
            chosen[count++] = field;
        }
    }
    if (count > 0)
        pack(fold, chosen, count);
    return step;
}
