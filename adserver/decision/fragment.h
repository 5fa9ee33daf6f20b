/*
 * fragment: the part of a creative's ad in an answer that is the same every time, as JSON.
 */
#ifndef DECISION_FRAGMENT_H
#define DECISION_FRAGMENT_H

#include "base/arena.h"
#include "decision/model.h"

/*
 * Sets `fragment`, made in `arena`, of a creative whose other members are set and valid, and makes
 * the pieces of html that holds macros insides of JSON strings.
 */
void fragment_build(struct creative *creative, struct arena *arena);

#endif
