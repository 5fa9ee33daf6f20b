#include "http/h1_refusal.h"

const struct h1_refusal_row h1_refusal_rows[H1_REFUSAL_COUNT] = {
#define REFUSAL(name, status, code, message) \
    [H1_REFUSAL_##name] = {status, code, SLICE_INIT(message)},
#include "http/h1_refusals.def"
#undef REFUSAL
};
