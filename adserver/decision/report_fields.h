/*
 * report_fields: the fields that one campaign's counts stand under, each understood once.
 *
 * The same few stand in every hour and packed run of a campaign, mostly in the same order; so the
 * one after the last is looked at before all are searched.
 */
#ifndef DECISION_REPORT_FIELDS_H
#define DECISION_REPORT_FIELDS_H

#include "decision/id_table.h"
#include "decision/report.h"

struct report_known {
    struct slice name;
    struct report_known *next; /* the one that was met after it */
    /* What the report makes of it: */
    uint32_t row;      /* where rows are not by time */
    unsigned metric;   /* its column */
    report_sum *sums;  /* by place (report_time.h); NULL: it is kept beside the counts */
    report_sum own[2]; /* that is them where rows are not by time */
};

struct report_fields {
    struct arena *arena; /* its own */
    struct id_table table;
    struct report_known *first, *last;
    struct report_known *expected; /* the one that may come now */
};

void report_fields_init(struct report_fields *fields);
void report_fields_release(struct report_fields *fields);

/* For the next campaign: none are known. */
void report_fields_clear(struct report_fields *fields);

/* NULL: it has not been met. */
struct report_known *report_fields_find(struct report_fields *fields, struct slice name);

/* One that is not there yet, all zero but its name, which is copied. */
struct report_known *report_fields_add(struct report_fields *fields, struct slice name);

#endif
