#include "ctl/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/shown.h"

#define ENTER "\x1b[?1049h\x1b[?25l" /* the other screen, no cursor */
#define LEAVE "\x1b[?25h\x1b[?1049l"
#define HOME  "\x1b[H"
#define REST  "\x1b[K\r\n" /* clears to the end of the line */
#define BELOW "\x1b[J"

struct screen {
    struct termios before, raw;
    unsigned lines_last;
};

/* Signals come to one handler, which only notes them; the waiting sees them between two polls. */
static volatile sig_atomic_t ended, changed, stopped;
static struct screen *opened;

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define ENDING (sizeof ending / sizeof *ending)

static void on_signal(int signal)
{
    if (signal == SIGWINCH || signal == SIGCONT)
        changed = 1;
    else if (signal == SIGTSTP)
        stopped = 1;
    else
        ended = 1;
}

static void write_all(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t done = write(STDOUT_FILENO, text, len);
        if (done < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (done > 0) {
            text += done;
            len -= (size_t)done;
        }
    }
}

static void set_signals(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler}; /* no SA_RESTART: it ends a poll */
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < ENDING; i++)
        (void)sigaction(ending[i], &action, NULL);
    (void)sigaction(SIGTSTP, &action, NULL);
    (void)sigaction(SIGWINCH, &action, NULL);
    (void)sigaction(SIGCONT, &action, NULL);
}

static void enter(const struct screen *screen)
{
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->raw);
    write_all(ENTER, strlen(ENTER));
}

static void leave(const struct screen *screen)
{
    write_all(LEAVE, strlen(LEAVE));
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
}

struct screen *screen_open(void)
{
    struct termios before;
    CHECK(!opened);
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return NULL;
    struct screen *screen = check_calloc(1, sizeof *screen);
    screen->before = screen->raw = before;
    screen->raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    screen->raw.c_cc[VMIN] = 1;
    screen->raw.c_cc[VTIME] = 0;
    ended = changed = stopped = 0;
    set_signals(on_signal);
    enter(screen);
    opened = screen;
    return screen;
}

void screen_close(struct screen *screen)
{
    if (!screen)
        return;
    leave(screen);
    set_signals(SIG_DFL);
    opened = NULL;
    free(screen);
}

void screen_size(const struct screen *screen, unsigned *ret_lines, unsigned *ret_columns)
{
    struct winsize size = {.ws_row = 0};
    (void)screen;
    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *ret_lines = size.ws_row > 1 ? size.ws_row : 24;
    *ret_columns = size.ws_col > 1 ? size.ws_col : 80;
}

/* At most `columns` characters of a line. */
static struct slice cut_line(struct slice line, unsigned columns)
{
    size_t len = line.len < columns ? line.len : columns;
    while (len < line.len && shown_width(slice_of(line.ptr, len)) < columns)
        len++;
    return shown_cut(line, len);
}

void screen_draw(const struct screen *screen, const struct strbuf *text)
{
    unsigned lines, columns;
    struct slice rest = strbuf_slice(text), line;
    struct strbuf out;
    screen_size(screen, &lines, &columns);
    strbuf_init(&out, SIZE_MAX / 2);
    strbuf_add_cstr(&out, HOME);
    for (unsigned i = 0; i + 1 < lines && rest.len > 0 && slice_next(&rest, '\n', &line); i++) {
        strbuf_add_slice(&out, cut_line(line, columns));
        strbuf_add_cstr(&out, REST);
    }
    strbuf_add_cstr(&out, BELOW);
    write_all(out.ptr, out.len);
    strbuf_release(&out);
}

/* Puts the terminal back, stops, and takes it again when it goes on. */
static void stop(struct screen *screen)
{
    stopped = 0;
    leave(screen);
    (void)signal(SIGTSTP, SIG_DFL);
    (void)raise(SIGTSTP);
    set_signals(on_signal);
    enter(screen);
    changed = 1;
}

enum screen_event screen_wait(struct screen *screen, int ms, char *ret_key)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (stopped)
        stop(screen);
    int ready = ended || changed ? 0 : poll(&input, 1, ms);
    if (ended)
        return SCREEN_END;
    if (stopped)
        stop(screen);
    if (changed) {
        changed = 0;
        return SCREEN_CHANGED;
    }
    if (ready <= 0)
        return SCREEN_TIME;
    /* A terminal that has gone reads as its end. */
    return read(STDIN_FILENO, ret_key, 1) == 1 ? SCREEN_KEY : SCREEN_END;
}
