#include "decision/field.h"

#include <stdio.h>

#include "decision/caps.h"
#include "decision/number.h"
#include "decision/targeting_forms.h"
#include "decision/text.h"
#include "decision/timestamp.h"

#define MICRO_PER_UNIT  1000000
#define MONEY_MAX_MICRO ((uint64_t)MONEY_MAX_UNITS * MICRO_PER_UNIT)
#define MONEY_PLACES    6
#define OWNER_MAX       (sizeof "campaign/" + ID_MAX)

bool field_text(struct reading *reading, struct slice text, void *to)
{
    if (text.len > TEXT_MAX)
        return err_set(reading->err, "it has %zu bytes", text.len);
    if (!text_is_clean(text, TEXT_LINE, reading->err))
        return false;
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

bool field_id(struct reading *reading, struct slice text, void *to)
{
    if (!id_is_valid(text))
        return err_set(reading->err, "\"%s\" is not an id", err_quote(text));
    *(struct slice *)to = arena_copy(reading->arena, text);
    return true;
}

bool field_word(struct slice text, const char *const *words, unsigned *ret, struct err *err)
{
    if (!word_find(text, words, ret))
        return err_set(err, "\"%s\" is not one of its words", err_quote(text));
    return true;
}

bool field_status(struct reading *reading, struct slice text, void *to)
{
    unsigned word = 0;
    if (!field_word(text, status_words, &word, reading->err))
        return false;
    *(enum entry_status *)to = (enum entry_status)word;
    return true;
}

bool field_weight(struct reading *reading, struct slice text, void *to)
{
    uint64_t weight = 0;
    if (!number_parse(text, 1, WEIGHT_MAX, &weight, reading->err))
        return false;
    *(uint32_t *)to = (uint32_t)weight;
    return true;
}

bool field_money_parse(struct slice text, int64_t *ret_micro, struct err *err)
{
    uint64_t micro = 0;
    if (!decimal_parse(text, MONEY_PLACES, MONEY_MAX_MICRO, &micro, err))
        return false;
    *ret_micro = (int64_t)micro;
    return true;
}

bool field_money(struct reading *reading, struct slice text, void *to)
{
    return field_money_parse(text, to, reading->err);
}

bool field_time(struct reading *reading, struct slice text, void *to)
{
    return timestamp_parse(text, reading->zone, to, reading->err);
}

bool field_caps(struct reading *reading, struct slice text, void *to)
{
    char owner[OWNER_MAX];
    const struct record *record = reading->record;
    (void)snprintf(owner, sizeof owner, "%s/%.*s", record_kind_words[record->kind],
                   SLICE_ARGS(record->id));
    return caps_parse(text, slice_cstr(owner), to, reading->err);
}

bool field_hosts(struct reading *reading, struct slice text, void *to)
{
    return list_parse(text, &hosts_form, reading->arena, to, reading->err);
}

bool field_count(struct reading *reading, struct slice text, void *to)
{
    return number_parse(text, 1, COUNT_MAX, to, reading->err);
}

bool field_budget(struct reading *reading, struct slice text, void *to)
{
    int64_t micro = 0;
    if (!field_money_parse(text, &micro, reading->err))
        return false;
    if (micro == 0)
        return err_set(reading->err, "a budget of 0 buys nothing");
    *(int64_t *)to = micro;
    return true;
}

static bool parse_edge(struct slice text, uint16_t *ret)
{
    uint64_t pixels;
    if (!slice_to_u64(text, SIZE_MAX_PIXELS, &pixels) || pixels == 0)
        return false;
    *ret = (uint16_t)pixels;
    return true;
}

bool field_size(struct slice text, struct size *ret, struct err *err)
{
    struct size size = {0, 0};
    size_t cross = slice_find(text, 'x');
    if (!parse_edge(slice_of(text.ptr, cross), &size.width) ||
        !parse_edge(slice_from(text, cross + 1), &size.height))
        return err_set(err, "\"%s\" is not a size", err_quote(text));
    *ret = size;
    return true;
}
