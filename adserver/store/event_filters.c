#include "store/event_filters.h"

const struct event_filter_row event_filter_rows[EVENT_FILTER_COUNT] = {
    [EVENT_COUNTS] = {"", COUNTER_EVENT_COUNTED, "counted"},
#define EVENT_FILTER(name, word, counter, help) [EVENT_IS_##name] = {word, counter, help},
#include "store/event_filters.def"
#undef EVENT_FILTER
};
