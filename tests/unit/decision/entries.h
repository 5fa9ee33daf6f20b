/*
 * entries: records and compiled entries for tests, from fields written as name and value in turn.
 *
 *     struct campaign *spring = make_campaign("spring", FIELDS("slots", "*", "weight", "2"));
 */
#ifndef TESTS_UNIT_DECISION_ENTRIES_H
#define TESTS_UNIT_DECISION_ENTRIES_H

#include "decision/catalog.h"
#include "decision/record.h"

#define FIELDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

struct entry_text {
    struct record record;
    struct record_field fields[RECORD_FIELDS_MAX + 8];
};
void entry_text_set(struct entry_text *text, enum record_kind kind, const char *id,
                    const char *const *fields);

/* Compiled; a refusal fails the test and prints why. */
struct slot *make_slot(const char *id, const char *const *fields);
struct campaign *make_campaign(const char *id, const char *const *fields);
struct creative *make_creative(const char *id, const char *const *fields);

/* An image of that size for the campaign; `fields` may say more. */
struct creative *make_image(const char *id, const char *campaign, const char *size,
                            const char *const *fields);

/* "field: what is wrong; allowed: ..." of a record that is refused, "" of one that is not. */
const char *refusal_of(enum record_kind kind, const char *id, const char *const *fields);

/* A catalog of what is added to it. */
struct shelf {
    struct slot *slots[64];
    struct campaign *campaigns[64];
    struct creative *creatives[256];
    unsigned slot_count, campaign_count, creative_count;
};
void shelf_slot(struct shelf *shelf, struct slot *slot);
void shelf_campaign(struct shelf *shelf, struct campaign *campaign);
void shelf_creative(struct shelf *shelf, struct creative *creative);
struct catalog *shelf_build(struct shelf *shelf);

#endif
