/*
 * catalog_keeper: keeps the last good catalog on disk (store/catalog_file.h) equal to the entries.
 *
 *   1. CATALOG_PERSIST_MS after a change, or once it has rested, it walks over the entries and
 *      copies what is good, KEEPER_SLICE of them in a turn of the loop, so that no answer waits for
 *      a hundred thousand.
 *   2. The writer's thread seals and writes the copy.
 *   3. It rests KEEPER_REST times as long as that took, so that a large catalog which changes all
 *      the time does not keep a processor and a disk busy. Where the disk refused it rests
 *      KEEPER_RETRY_MS at least and tries again, whether anything has changed or not.
 *
 * Entries may change during the walk: the file then has some as they were before and some as they
 * are after, as anybody who reads Redis at that time has, and it is written once more. The walk
 * goes from the last entry to the first: one that goes is replaced by the last (catalog_entries.c),
 * so an entry may be met twice, and none is missed.
 */
#ifndef STORE_CATALOG_KEEPER_H
#define STORE_CATALOG_KEEPER_H

#include "base/clock.h"
#include "store/catalog_entries.h"

#define CATALOG_PERSIST_MS 1000
#define KEEPER_SLICE       256
#define KEEPER_REST        10
#define KEEPER_RETRY_MS    3000

struct loop;
struct catalog_keeper;

struct catalog_keeper_config {
    struct loop *loop;
    const struct clock *clock;
    const char *path;
    struct slice prefix; /* it, clock and entries must outlive the keeper */
    struct catalog_entries *entries;
};
struct catalog_keeper *catalog_keeper_new(const struct catalog_keeper_config *config);

/* Waits for what is being written. NULL is harmless. */
void catalog_keeper_free(struct catalog_keeper *keeper);

/* What is on disk is equal to the entries now. */
void catalog_keeper_is_kept(struct catalog_keeper *keeper);

/* The entries may have changed. NULL is harmless. */
void catalog_keeper_changed(struct catalog_keeper *keeper);

#endif
