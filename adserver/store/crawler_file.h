/*
 * crawler_file: the file of bots.list, read whole.
 */
#ifndef STORE_CRAWLER_FILE_H
#define STORE_CRAWLER_FILE_H

#include "decision/crawler_list.h"

/* NULL with `err->text`, which begins with "PATH:line: " where a line is wrong. */
struct crawler_list *crawler_file_read(const char *path, struct err *err);

#endif
