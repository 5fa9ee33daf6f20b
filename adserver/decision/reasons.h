/*
 * reasons: the one table of why a campaign was not served (see reasons.def).
 */
#ifndef DECISION_REASONS_H
#define DECISION_REASONS_H

#include "base/slice.h"

enum reason {
#define REASON(name, word, help) REASON_##name,
#include "decision/reasons.def"
#undef REASON
    REASON_COUNT,
    REASON_NONE = REASON_COUNT, /* served, or eligible */
};

struct reason_row {
    const char *word;
    const char *help;
};
extern const struct reason_row reason_rows[REASON_COUNT];

#endif
