/*
 * unit: cmocka, with the headers it wants before it.
 */
#ifndef TESTS_UNIT_DECISION_UNIT_H
#define TESTS_UNIT_DECISION_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

/* A slice against a C string, with both in the message. */
#define assert_slice(slice, text) assert_slice_at((slice), (text), __FILE__, __LINE__)
void assert_slice_at(struct slice slice, const char *text, const char *file, int line);

#endif
