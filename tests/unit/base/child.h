/*
 * child: runs a function in a process of its own, for what ends a process or needs several.
 */
#ifndef TESTS_UNIT_BASE_CHILD_H
#define TESTS_UNIT_BASE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

typedef void child_body(void *context);

/* Starts `body`; the child exits 0 when it returns. Its standard error goes to `stderr_fd`. */
pid_t child_start(child_body *body, void *context, int stderr_fd);

/* Waits; returns what waitpid() says of the child. */
int child_wait(pid_t pid);

/*
 * Whether `body` dies of SIGABRT and says `expected` on standard error while doing so. A
 * sanitizer's own exit does not count.
 */
bool child_aborts(child_body *body, void *context, const char *expected);

#endif
