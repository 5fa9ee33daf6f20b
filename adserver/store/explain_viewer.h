/*
 * explain_viewer: the viewer of a described request, and what Redis holds of its caps. Only reads.
 */
#ifndef STORE_EXPLAIN_VIEWER_H
#define STORE_EXPLAIN_VIEWER_H

#include "decision/description.h"
#include "decision/explain.h"
#include "store/viewer_caps.h"

#define EXPLAIN_CAPS_BATCH 256 /* counters asked for in one command */

/* How a viewer is known. */
struct explain_viewer {
    const char *way; /* "first-party", "daily-hash", "new"; NULL: not at all */
    bool has_key;    /* else there is nothing in Redis: nothing has been served to it */
    struct viewer_key key;
};

/*
 * By the ladder, from what the description tells. One of which it tells too little to be found
 * again is new: a first visit, to which nothing has been served. A refusing consent string, or a
 * ladder without ways: not known.
 */
struct explain_viewer explain_viewer_find(const struct viewer_ladder *ladder,
                                          const struct viewer_salts *salts,
                                          const struct description *description);

/* The keys of a batch of counters, from the one at `from` on; for the script SCRIPT_CAPS. */
struct explain_caps_batch {
    unsigned from, count; /* count 0: there are no more */
    struct slice keys[EXPLAIN_CAPS_BATCH];
    char text[EXPLAIN_CAPS_BATCH * VIEWER_CAP_KEY_MAX];
};
void explain_caps_ask(const struct explain *explain, struct slice prefix,
                      const struct viewer_key *viewer, unsigned from,
                      struct explain_caps_batch *ret);

/* Takes the script's answer to a batch; false where it is none. */
bool explain_caps_take(struct explain *explain, unsigned from, unsigned count,
                       const struct redis_reply *reply, int64_t read_us);

#endif
