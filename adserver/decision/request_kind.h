/*
 * request_kind: what ad requests are counted by for forecasts, beside the log of a sample: country,
 * device, and whether the viewer is known. These matter most to who may be served, and a sample of
 * viewers is most often off in them.
 */
#ifndef DECISION_REQUEST_KIND_H
#define DECISION_REQUEST_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "decision/facts.h"

#define REQUEST_KIND_TEXT_MAX 8

/* Never 0. */
uint32_t request_kind(const struct page_facts *facts, bool has_viewer);

/* "DE.2.1": country (may be empty), device (enum device), 1 where the viewer is known. */
struct slice request_kind_print(uint32_t kind, char ret[REQUEST_KIND_TEXT_MAX]);
bool request_kind_read(struct slice text, uint32_t *ret);

#endif
