/*
 * unit: cmocka with the headers it wants before it, entries made of words, and what was printed.
 */
#ifndef TESTS_UNIT_CTL_UNIT_H
#define TESTS_UNIT_CTL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/change.h"
#include "ctl/entry.h"

/* A slice against a C string, with both in the message. */
#define assert_slice(slice, text) assert_slice_at((slice), (text), __FILE__, __LINE__)
void assert_slice_at(struct slice slice, const char *text, const char *file, int line);

/* What all entries of a test program live in. */
extern struct arena *arena;
int set_up_arena(void **state);
int tear_down_arena(void **state);

/* Names and values in turn, NULL at the end. The entry is one that Redis has. */
struct entry *make_entry(enum record_kind kind, const char *id, const char *const *fields);
#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The same id with nothing of it in Redis. */
struct entry *make_absent(enum record_kind kind, const char *id);

/* A stream whose text is read back: printed_text() closes it; free() the text. */
struct printed {
    FILE *to;
    char *text;
    size_t len;
};
void printed_begin(struct printed *printed);
const char *printed_text(struct printed *printed);
void printed_end(struct printed *printed);

/* The mistakes as they would be printed, against `text`. */
void assert_mistakes(const struct mistakes *mistakes, const char *text);

#endif
