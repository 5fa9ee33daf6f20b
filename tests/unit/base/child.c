#include "unit/base/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void be_child(child_body *body, void *context, int stderr_fd)
{
    const struct rlimit no_core = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)signal(SIGABRT, SIG_DFL); /* cmocka and sanitizers may have put theirs */
    (void)dup2(stderr_fd, STDERR_FILENO);
    body(context);
    exit(0); /* not _exit(), so that coverage is written */
}

pid_t child_start(child_body *body, void *context, int stderr_fd)
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        be_child(body, context, stderr_fd);
    if (pid < 0)
        abort();
    return pid;
}

int child_wait(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        abort();
    return status;
}

bool child_aborts(child_body *body, void *context, const char *expected)
{
    char said[4096] = "";
    FILE *output = tmpfile();
    if (!output)
        abort();
    int status = child_wait(child_start(body, context, fileno(output)));
    rewind(output);
    (void)!fread(said, 1, sizeof said - 1, output);
    (void)fclose(output);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, expected);
}
