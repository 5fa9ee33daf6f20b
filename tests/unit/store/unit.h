/*
 * unit: cmocka with the headers it wants before it, and a loop that runs until something is true.
 */
#ifndef TESTS_UNIT_STORE_UNIT_H
#define TESTS_UNIT_STORE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "net/loop.h"

#define PATIENCE_MS 10000 /* what does not come true within it fails the test */

/* A slice against a C string, with both in the message. */
#define assert_slice(slice, text) assert_slice_at((slice), (text), __FILE__, __LINE__)
void assert_slice_at(struct slice slice, const char *text, const char *file, int line);

/* Runs the loop until `done(arg)`; fails the test after `patience_ms`. */
typedef bool done_fn(void *arg);
#define run_until(loop, done, arg, patience_ms) \
    run_until_at((loop), (done), (arg), (patience_ms), #done, __FILE__, __LINE__)
void run_until_at(struct loop *loop, done_fn *done, void *arg, int patience_ms, const char *what,
                  const char *file, int line);

/* Runs the loop for that long. For showing that something does not happen. */
void run_for(struct loop *loop, int ms);

#endif
