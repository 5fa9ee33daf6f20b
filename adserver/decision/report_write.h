/*
 * report_write: a report as JSON or CSV, the same bytes from the server and from adctl.
 *
 *     {"from":"2026-11-19T00:00:00Z","to":"2026-11-26T00:00:00Z","timezone":"UTC","by":"day",
 *      "rows":[{"day":"2026-11-19","serves":10,"impressions":9,"viewables":5,"viewable_rate":0.5556,
 *               "clicks":1,"ctr":0.1111,"conversions":0,"spend":"0.012330","ecpm":"1.370000",
 *               "filtered":3,"filtered_serves":0,"reasons":{"duplicate":2,"late":0,…},
 *               "values":{"EUR":"12.000000"}}],
 *      "totals":{…},"unreadable":0}
 *
 * Counts are numbers, or strings where they pass 2^53 - 1, which JSON's readers would round. Money
 * is a string with six places, exact; eCPM is rounded to these, rates to four places, half up; they
 * are null (in CSV empty) where there were no impressions. `filtered` is the sum of the events that
 * were not counted, `filtered_serves` that of the serves; gross is net and these together.
 *
 * CSV is RFC 4180 with a head and, last, a row `total`. So that a spreadsheet takes no cell for a
 * formula, a text that begins with = + - @, a tab or a carriage return gets an apostrophe before
 * it.
 */
#ifndef DECISION_REPORT_WRITE_H
#define DECISION_REPORT_WRITE_H

#include "base/strbuf.h"
#include "decision/report.h"

#define REPORT_WRITE_STEP 64 /* rows written in one step */

/* How far it has been written; zero at first. */
struct report_writing {
    unsigned row;
    bool begun;
};

/*
 * Appends a part more, of a finished report, in the format it asks for: JSON or CSV. False: that
 * was all.
 */
bool report_write(const struct report *report, struct report_writing *at, struct strbuf *ret);

/* ---- The numbers ----------------------------------------------------------------------------- */

void report_add_count(struct strbuf *to, report_sum number);
/* "1.370000"; at least `places` of them, and no zeros at the end beyond these. */
void report_add_money(struct strbuf *to, report_sum micro, unsigned places);
/* "0.5556"; false, and nothing is added, where `of` is not above 0. */
bool report_add_rate(struct strbuf *to, report_sum part, report_sum of);
/* What a thousand impressions cost, in micro-units; false where there were none. */
bool report_ecpm(const struct report_row *row, report_sum *ret);

#endif
