#include "unit/store/redis_fixture.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "unit/store/unit.h"

#define SAY_MAX     4096
#define WORDS_MAX   64
#define OPTIONS_MAX 64
#define TIMEOUT_MS  10000

static void exec_server(const struct redis_fixture *fixture)
{
    char socket_path[128];
    const char *argv[OPTIONS_MAX + 16] = {"redis-server",
                                          "--port",
                                          "0",
                                          "--unixsocket",
                                          socket_path,
                                          "--dir",
                                          fixture->folder,
                                          "--logfile",
                                          "log",
                                          "--save",
                                          "",
                                          "--appendonly",
                                          "no"};
    size_t count = 13;
    (void)snprintf(socket_path, sizeof socket_path, "%s/socket", fixture->folder);
    for (const char *const *option = fixture->options; option && *option; option++)
        argv[count++] = *option;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static void open_session(struct redis_fixture *fixture)
{
    struct err err = {0};
    for (int tries = 0; tries < 1000; tries++) {
        fixture->session = redis_session_open(&fixture->target, TIMEOUT_MS, &err);
        if (fixture->session)
            return;
        CHECK(waitpid(fixture->pid, NULL, WNOHANG) == 0);
        (void)usleep(5000);
    }
    print_error("redis-server does not answer: %s\n", err.text);
    fail();
}

void redis_fixture_restart(struct redis_fixture *fixture)
{
    CHECK(fixture->pid == 0);
    fixture->pid = fork();
    CHECK(fixture->pid >= 0);
    if (fixture->pid == 0)
        exec_server(fixture);
    open_session(fixture);
}

void redis_fixture_start(struct redis_fixture *fixture, const char *const *options)
{
    struct err err = {0};
    *fixture = (struct redis_fixture){.folder = "/tmp/masthead-test-XXXXXX", .options = options};
    CHECK(mkdtemp(fixture->folder) != NULL);
    (void)snprintf(fixture->url, sizeof fixture->url, "unix://%s/socket", fixture->folder);
    CHECK(redis_target_parse(fixture->url, NULL, &fixture->target, &err));
    redis_fixture_restart(fixture);
}

void redis_fixture_kill(struct redis_fixture *fixture)
{
    redis_session_close(fixture->session);
    fixture->session = NULL;
    if (fixture->pid == 0)
        return;
    (void)kill(fixture->pid, SIGKILL);
    (void)waitpid(fixture->pid, NULL, 0);
    fixture->pid = 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

void redis_fixture_stop(struct redis_fixture *fixture)
{
    redis_fixture_kill(fixture);
    redis_target_release(&fixture->target);
    (void)nftw(fixture->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void redis_fixture_freeze(struct redis_fixture *fixture)
{
    int status;
    CHECK(kill(fixture->pid, SIGSTOP) == 0);
    CHECK(waitpid(fixture->pid, &status, WUNTRACED) == fixture->pid);
}

void redis_fixture_thaw(struct redis_fixture *fixture)
{
    CHECK(kill(fixture->pid, SIGCONT) == 0);
}

static const struct redis_reply *say(struct redis_fixture *fixture, const char *format,
                                     va_list args)
{
    static char text[SAY_MAX];
    struct slice words[WORDS_MAX];
    unsigned count = 0;
    struct err err = {0};
    CHECK(vsnprintf(text, sizeof text, format, args) < SAY_MAX);
    struct slice rest = slice_cstr(text);
    while (slice_next(&rest, ' ', &words[count]))
        count++;
    const struct redis_reply *reply = redis_session_call(fixture->session, words, count, &err);
    if (!reply)
        print_error("%s: %s\n", text, err.text);
    assert_non_null(reply);
    return reply;
}

const struct redis_reply *redis_fixture_say(struct redis_fixture *fixture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct redis_reply *reply = say(fixture, format, args);
    va_end(args);
    return reply;
}

int64_t redis_fixture_number(struct redis_fixture *fixture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct redis_reply *reply = say(fixture, format, args);
    va_end(args);
    if (reply->type == REDIS_STRING)
        return strtoll(reply->text.ptr, NULL, 10);
    return reply->type == REDIS_NIL ? 0 : reply->integer;
}

const char *redis_fixture_text(struct redis_fixture *fixture, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct redis_reply *reply = say(fixture, format, args);
    va_end(args);
    return reply->type == REDIS_NIL ? "(nil)" : reply->text.ptr;
}

struct redis_fixture redis_fixture_shared;

int redis_fixture_group_setup(void **state)
{
    (void)state;
    redis_fixture_start(&redis_fixture_shared, NULL);
    return 0;
}

int redis_fixture_group_teardown(void **state)
{
    (void)state;
    redis_fixture_stop(&redis_fixture_shared);
    return 0;
}
