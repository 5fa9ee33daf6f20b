/*
 * err: an operator's or campaign manager's mistake, told so that it can be mended.
 *
 * Three parts: where it is ("adserver.conf:12: server.workers", "ad:campaign:spring cpm"), what is
 * wrong, and what is allowed. The function that notices fills it, the outermost caller prints it
 * once. Bugs do not come here (see check.h), nor do faults of a peer on the wire.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#include "base/slice.h"

#define ERR_WHERE_MAX 256
#define ERR_TEXT_MAX  512

struct err {
    char where[ERR_WHERE_MAX]; /* empty where the caller is to fill it in */
    char text[ERR_TEXT_MAX];   /* what is wrong and what is allowed; foreign bytes escaped */
};

/* Sets `text` from the format, cut to fit; leaves `where`. Always returns false, for `return`. */
bool err_set(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets `where` from the format, cut to fit. Always returns false, for `return`. */
bool err_at(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* `s` for a message: cut to 64 bytes, others than printable ASCII as \xNN. Four at a time live. */
const char *err_quote(struct slice s);

#endif
