/*
 * screen: a terminal that is redrawn and put back as it was, whatever ends the program.
 *
 * While it is open, keys come unbuffered and unseen, the cursor is hidden, and the other screen of
 * the terminal is shown. SIGINT, SIGTERM, SIGHUP and SIGQUIT end the waiting (SCREEN_END) so that
 * the caller closes it; SIGTSTP puts the terminal back before it stops, and SIGCONT goes on.
 */
#ifndef CTL_SCREEN_H
#define CTL_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/strbuf.h"

struct screen;

/* NULL where standard input or output is no terminal. One at a time. */
struct screen *screen_open(void);
/* Puts the terminal back. NULL is harmless. */
void screen_close(struct screen *screen);

/* Lines and columns as they are now. */
void screen_size(const struct screen *screen, unsigned *ret_lines, unsigned *ret_columns);

/* Shows lines that end in "\n"; those that don't fit are cut. */
void screen_draw(const struct screen *screen, const struct strbuf *text);

enum screen_event { SCREEN_TIME, SCREEN_KEY, SCREEN_CHANGED, SCREEN_END };
/* Waits: for that long, for a key, for another size, for the end. */
enum screen_event screen_wait(struct screen *screen, int ms, char *ret_key);

#endif
