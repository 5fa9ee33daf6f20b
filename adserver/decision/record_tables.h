/*
 * record_tables: the rows of the three kinds (record_slot.c, record_campaign.c, record_creative.c).
 */
#ifndef DECISION_RECORD_TABLES_H
#define DECISION_RECORD_TABLES_H

#include "decision/record.h"

extern const struct record_form_row slot_rows[], campaign_rows[], creative_rows[];
extern const unsigned slot_row_count, campaign_row_count, creative_row_count;

#endif
