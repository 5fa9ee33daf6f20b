/*
 * explain_catalog: what stands in Redis as a catalog, as a server that has just started sees it.
 *
 * An entry that does not compile is left out, with a note: a running server may still serve its
 * last good version.
 */
#ifndef CTL_EXPLAIN_CATALOG_H
#define CTL_EXPLAIN_CATALOG_H

#include "ctl/hashes.h"
#include "decision/explain.h"

struct explain_catalog {
    struct entries entries;
    struct catalog *catalog;
    unsigned deliveries; /* rows that campaigns with goals or budgets have */
};

/* False with a mistake noted. */
bool explain_catalog_read(struct tool *tool, struct explain_catalog *ret);
void explain_catalog_release(struct explain_catalog *entries);

/* An explain_fields_fn whose argument is the struct explain_catalog. */
explain_fields_fn explain_catalog_fields;

#endif
