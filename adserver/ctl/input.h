/*
 * input: a file that a command is given.
 */
#ifndef CTL_INPUT_H
#define CTL_INPUT_H

#include "ctl/document.h"
#include "ctl/tool.h"

/*
 * The document in a file; `-` is standard input. Not used after a false, with all mistakes noted.
 */
bool input_read_document(struct tool *tool, const char *path, struct document *ret);

/* The path for messages: foreign bytes escaped. Lives as long as the tool. */
const char *input_name(struct tool *tool, const char *path);

#endif
