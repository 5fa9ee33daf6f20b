/*
 * shown: foreign text, made fit for a terminal and for one line.
 *
 * What stands in Redis may be anybody's. Control characters (C0, C1, DEL) could drive the terminal,
 * line ends could forge output, and characters that turn the direction of writing could make it
 * read as something else: all of them, the backslash, and bytes that are not UTF-8 are written as
 * \n, \r, \t, \\, \xNN or \u{NNNN}. Other characters stay as they are.
 */
#ifndef CTL_SHOWN_H
#define CTL_SHOWN_H

#include "base/slice.h"
#include "base/strbuf.h"

#define SHOWN_ALL SIZE_MAX

/* At most `max` bytes of `text` are shown; where it is cut, its length follows. */
void shown_add(struct strbuf *to, struct slice text, size_t max);

/*
 * The inside of a JSON string: the same characters as \u escapes. False, and nothing is added,
 * where the text is not UTF-8, which JSON can't hold.
 */
bool shown_add_json(struct strbuf *to, struct slice text);

/* Columns that shown text takes: its characters. */
size_t shown_width(struct slice shown);

/* Cuts so that no character is halved; at most `max` bytes. */
struct slice shown_cut(struct slice text, size_t max);

#endif
