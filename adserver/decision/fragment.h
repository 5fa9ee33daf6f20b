/*
 * fragment: the part of a creative's ad in an answer that is the same every time, as JSON.
 */
#ifndef DECISION_FRAGMENT_H
#define DECISION_FRAGMENT_H

#include "base/err.h"
#include "decision/model.h"

/* Sets `fragment` and `html_parts` of a creative whose other members are set and valid. */
bool fragment_build(struct creative *creative, struct err *err);

#endif
