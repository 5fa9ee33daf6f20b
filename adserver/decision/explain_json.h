/*
 * explain_json: an explanation as JSON, the same bytes from the server and from adctl.
 *
 *     {"at":"2026-11-25T00:40:00Z",
 *      "page":{"domain":…,"path":…,"referrer":…,"country":…,"region":…,"language":…,"device":…,
 *              "browser":…,"os":…,"keywords":[…],"kv":[{"name":…,"value":…}]},
 *      "viewer":"first-party", "draws":1000,
 *      "slots":[{"slot":"header","width":320,"filled":1000,"campaigns":3,
 *                "verdicts":{"served":1,"cap":2},
 *                "listed":[{"campaign":"spring","verdict":"served","creative":"spring-970",
 *                           "draws":312,"detail":"weight 1 of 3 …"}]},
 *               {"slot":"nowhere","unknown":true}]}
 *
 * What is not known of the page is null.
 */
#ifndef DECISION_EXPLAIN_JSON_H
#define DECISION_EXPLAIN_JSON_H

#include "decision/explain.h"

#define EXPLAIN_JSON_STEP 64 /* campaigns written in one step */

/* How far it has been written; zero at first. */
struct explain_json {
    unsigned slot;
    uint32_t campaign;
    bool begun;
};

/*
 * Appends a part more, of an explanation that is listed. False: that was all. `viewer` tells how
 * the viewer is known, "first-party"; NULL: not at all.
 */
bool explain_json_add(const struct explain *explain, const char *viewer, struct explain_json *at,
                      struct strbuf *ret);

#endif
