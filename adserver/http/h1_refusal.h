/*
 * h1_refusal: the reasons of h1_refusals.def as an enum and a table.
 */
#ifndef HTTP_H1_REFUSAL_H
#define HTTP_H1_REFUSAL_H

#include "base/slice.h"

enum h1_refusal {
    H1_REFUSAL_NONE,
#define REFUSAL(name, status, code, message) H1_REFUSAL_##name,
#include "http/h1_refusals.def"
#undef REFUSAL
    H1_REFUSAL_COUNT
};

struct h1_refusal_row {
    int status;
    const char *code;
    struct slice message;
};

/* Indexed by the enum; the row of NONE is empty. */
extern const struct h1_refusal_row h1_refusal_rows[H1_REFUSAL_COUNT];

#endif
