#include "decision/reasons.h"

const struct reason_row reason_rows[REASON_COUNT] = {
#define REASON(name, word, help) [REASON_##name] = {word, help},
#include "decision/reasons.def"
#undef REASON
};
