/*
 * report_redis: reads a report over adctl's connection to Redis.
 */
#ifndef CTL_REPORT_REDIS_H
#define CTL_REPORT_REDIS_H

#include "ctl/tool.h"
#include "store/report_read.h"

/* `query` is finished. NULL with a mistake noted; else report_read_free() frees it. */
struct report_read *report_redis_read(struct tool *tool, const struct report_query *query);

#endif
