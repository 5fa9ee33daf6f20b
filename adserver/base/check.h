/*
 * check: assertions that stay in release builds.
 *
 * CHECK is for bugs of ours and never depends on a peer's bytes. It prints file, line and the
 * condition, and aborts.
 */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stddef.h>

_Noreturn void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

/* malloc and friends for small fixed sizes: they abort instead of returning NULL. */
void *check_malloc(size_t size);
void *check_calloc(size_t count, size_t size);
void *check_realloc(void *old, size_t size);
char *check_strdup(const char *text);

#endif
