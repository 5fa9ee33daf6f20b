/*
 * report_print: a report on standard output, as a table for people or as the API answers it.
 */
#ifndef CTL_REPORT_PRINT_H
#define CTL_REPORT_PRINT_H

#include "ctl/tool.h"
#include "decision/report_write.h"

void report_print(struct tool *tool, const struct report *report);

#endif
