/*
 * fragment: the part of a creative's ad in an answer that is the same every time, as JSON.
 */
#ifndef DECISION_FRAGMENT_H
#define DECISION_FRAGMENT_H

#include "base/arena.h"
#include "base/err.h"
#include "decision/model.h"

/*
 * Sets `fragment` and `html_parts`, made in `arena`, of a creative whose other members are set and
 * valid. False where its html holds {click_url} too often.
 */
bool fragment_build(struct creative *creative, struct arena *arena, struct err *err);

#endif
