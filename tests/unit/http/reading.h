/*
 * reading: what comes out of a connection's bytes, as text that a test can compare.
 *
 * One line a request, "GET /path?query host=x body=abc", with ";close" where the client wants to
 * send no other; "refused 400 bad_header" where one is not accepted; "more" where one has only
 * begun.
 */
#ifndef TESTS_READING_H
#define TESTS_READING_H

#include "base/strbuf.h"
#include "http/h1_reader.h"

/* The bytes in pieces of `piece` bytes; the last one ends where readable memory does. */
void reading_tell(struct slice bytes, size_t piece, struct strbuf *told);

/* The bytes in two pieces, the first of `at` bytes. */
void reading_tell_split(struct slice bytes, size_t at, struct strbuf *told);

/* Reads whole, byte by byte and split everywhere, and fails unless each tells `expected`. */
void reading_assert(struct slice bytes, const char *expected);

#endif
