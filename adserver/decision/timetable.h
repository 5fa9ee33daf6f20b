/*
 * timetable: which campaigns are in their time (start, end, hours) at a moment.
 *
 * A row of positions that is right for all moments between the last change before and the next one
 * behind the moment it was made for. Of each position stand here when it changes next and, made
 * ahead while there is nothing else to do, what it will be then: when many change at once, at the
 * full hour, bits are turned and no calendar is asked. A clock may jump anywhere: forth costs what
 * has changed since, back costs asking all.
 */
#ifndef DECISION_TIMETABLE_H
#define DECISION_TIMETABLE_H

#include "decision/model.h"
#include "decision/position_row.h"

struct timetable {
    struct position_row current; /* in their time; may hold some of which nothing is known yet */
    struct position_row coming;  /* what they are once they have changed */
    struct moment *moments;      /* by position */
    int64_t *chunk_until_us;     /* by chunk: until when it is right */
    unsigned chunks;
    int64_t from_us, until_us; /* all of it is right in [from, until) */
    int64_t told_us;           /* the moment it was brought to last; TIME_UNSET: to none yet */
    unsigned unprepared, prepare_at;
};

void timetable_init(struct timetable *table);
void timetable_release(struct timetable *table);

void timetable_add(struct timetable *table, struct chunk_pool *pool, uint32_t position);
void timetable_remove(struct timetable *table, struct chunk_pool *pool, uint32_t position);

/* What is known of one position goes to another, a free one. */
void timetable_move(struct timetable *table, struct chunk_pool *pool, uint32_t from, uint32_t to);

/* Whether the campaign is in its time at the moment told last; true before the first. */
bool timetable_holds(const struct timetable *table, const struct campaign *campaign);

/* Who stands at a position; NULL: nobody. */
typedef const struct campaign *timetable_campaign_fn(const void *arg, uint32_t position);

/* Brings the row to a moment. Free of cost where it is right for that already. */
void timetable_turn(struct timetable *table, struct chunk_pool *pool, int64_t now_us,
                    timetable_campaign_fn *campaign, const void *arg);

#endif
