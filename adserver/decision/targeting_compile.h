/*
 * targeting_compile: from the lists of the targeting fields, checked, to the rules that are judged.
 */
#ifndef DECISION_TARGETING_COMPILE_H
#define DECISION_TARGETING_COMPILE_H

#include "base/arena.h"
#include "decision/record.h"

enum targeting_field {
    TARGETING_COUNTRIES,
    TARGETING_REGIONS,
    TARGETING_DEVICES,
    TARGETING_BROWSERS,
    TARGETING_SYSTEMS,
    TARGETING_LANGUAGES,
    TARGETING_DOMAINS,
    TARGETING_PATHS,
    TARGETING_REFERRERS,
    TARGETING_KEYWORDS,
    TARGETING_HOURS,
    TARGETING_FIELD_COUNT
};

/* What a campaign says, as list_parse() gives it; an empty list is a field that is not given. */
struct targeting_lists {
    struct slice_list fields[TARGETING_FIELD_COUNT];
    struct key_value_list {
        struct slice name;
        struct slice_list values;
    } key_values[RECORD_FIELDS_MAX];
    unsigned key_value_count;
};

/* In the arena, as a run (pack.h). NULL where no field is given. */
const struct targeting *targeting_compile(const struct targeting_lists *lists, struct arena *arena);

#endif
