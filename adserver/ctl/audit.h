/*
 * audit: who changed what, a line a command in the stream `<prefix>audit`.
 *
 *   who       login name, as the system knows it
 *   host      the machine adctl ran on
 *   command   what was typed
 *   changes   JSON: [{"entry":"campaign spring","before":{"weight":"1"},"after":{"weight":"3"}}],
 *             the fields that differ alone; before or after is null for a new or deleted entry
 *   omitted   how many entries more were changed, where there were too many to tell
 *
 * The line is part of the change's transaction: neither is there without the other. The stream is
 * cut at about AUDIT_LINES.
 */
#ifndef CTL_AUDIT_H
#define CTL_AUDIT_H

#include "base/strbuf.h"
#include "ctl/change.h"

#define AUDIT_LINES       10000
#define AUDIT_COMMAND_MAX 1024  /* bytes of what was typed */
#define AUDIT_VALUE_MAX   1024  /* bytes of a value before it is cut */
#define AUDIT_CHANGES_MAX 65536 /* bytes of `changes` */

/* "ad:audit" */
struct slice audit_key(struct tool *tool);

/* Whether the stream can be written to; notes a mistake. */
bool audit_check(struct tool *tool);

/* Queues the command that writes the line. */
void audit_queue(struct tool *tool, const struct changes *changes);

/* The JSON of `changes`; returns how many it had to omit. */
unsigned audit_describe(struct strbuf *to, const struct changes *changes);

#endif
