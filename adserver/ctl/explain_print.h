/*
 * explain_print: an explanation for people.
 */
#ifndef CTL_EXPLAIN_PRINT_H
#define CTL_EXPLAIN_PRINT_H

#include <stdio.h>

#include "ctl/tool.h"
#include "decision/explain.h"

/* A table a slot. `viewer` as in explain_json.h. */
void explain_print(struct tool *tool, const struct explain *explain, const char *viewer);

/* The bytes that a server answers. */
void explain_print_json(const struct explain *explain, const char *viewer, FILE *to);

#endif
