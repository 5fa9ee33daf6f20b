/*
 * logged_request: an ad request as the request log keeps it, so that it can be decided again later.
 *
 * A few hundred bytes: time, pseudonym of the viewer, facts, and the slots asked for. Whatever
 * can't matter to a decision (a keyword or value longer than any rule can name) is left out.
 */
#ifndef DECISION_LOGGED_REQUEST_H
#define DECISION_LOGGED_REQUEST_H

#include "base/strbuf.h"
#include "decision/page_request.h"

#define SAMPLE_ALL_PPM     1000000
#define LOGGED_REQUEST_MAX 32768 /* bytes of one; a longer one can't be written */

struct logged_slot {
    struct slice id;
    uint32_t width; /* CSS pixels available; 0: not said */
};

struct logged_request {
    int64_t at_ms;       /* wall time */
    uint32_t sample_ppm; /* of a million requests so many were logged: 1 to 1000000 */
    bool has_viewer;
    uint64_t viewer; /* the same for the same viewer, and nothing else is known of it; 0: none */
    struct page_facts facts;
    struct logged_slot slots[PAGE_SLOTS_MAX];
    unsigned slot_count;
};

/*
 * Appends the record's bytes. `to` may hold LOGGED_REQUEST_MAX more; where that does not suffice it
 * is marked as overflowed.
 */
void logged_request_write(const struct logged_request *request, struct strbuf *to);

/*
 * The record in `bytes`, which `ret`'s slices point into. False (and `ret` undefined) for anything
 * logged_request_write() can't have written.
 */
bool logged_request_read(struct slice bytes, struct logged_request *ret);

#endif
