/*
 * adserver: reads its configuration, opens its sockets, becomes its user, and supervises workers.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/options.h"
#include "net/listener.h"
#include "net/workers.h"
#include "serve/series.h"
#include "serve/settings.h"
#include "serve/worker.h"
#include "serve/young.h"
#include "store/flight_board.h"
#include "store/keyring.h"
#include "store/spool.h"
#include "store/spool_marks.h"

#define OVERRIDES_MAX 256 /* -o on one command line */

enum { EXIT_CANNOT_START = 1, EXIT_USAGE = 2 };

struct command_line {
    const char *config_path; /* NULL: defaults */
    struct options_override overrides[OVERRIDES_MAX];
    unsigned override_count;
    bool check_only;
};

/* Sockets of one listener, open as long as some configuration names their addresses. */
struct sockets {
    int fds[LISTEN_MAX];
    char *texts[LISTEN_MAX]; /* the address of each, as written */
    unsigned count;
};

/* State directories whose spools are ours: an earlier one's too, as it may be named again. */
struct spool_locks {
    char **dirs;
    unsigned count;
};

struct server {
    struct command_line command_line;
    struct settings *settings;
    struct metrics *metrics;
    struct young *young;
    struct share_rest *share_rest;
    struct flight_board *board;
    struct spool_marks *marks;
    struct sockets public_sockets, admin_sockets;
    struct spool_locks locks;
};

static void print_err(const struct err *err)
{
    fprintf(stderr, "adserver: %s%s%s\n", err->where, err->where[0] ? ": " : "", err->text);
}

/* Command line */

static void print_usage(FILE *to)
{
    fprintf(to,
            "usage: adserver [-c FILE] [-o section.key=value]... [-t]\n"
            "       adserver -V | -h\n\n"
            "  -c FILE   configuration (INI)\n"
            "  -o ...    overrides one option; repeatable\n"
            "  -t        checks the configuration and exits\n"
            "  -V        version\n"
            "  -h        this help\n\n"
            "ADSERVER_<SECTION>_<KEY> in the environment overrides an option too.\n"
            "SIGHUP reads the configuration again; SIGTERM answers what is in flight and ends.\n\n"
            "Options:\n");
    options_print_help(to);
}

/* -1: go on; else the exit code. */
static int read_command_line(int argc, char **argv, struct command_line *ret)
{
    int option;
    while ((option = getopt(argc, argv, "c:o:tVh")) != -1) {
        switch (option) {
        case 'c':
            ret->config_path = optarg;
            break;
        case 'o':
            if (ret->override_count == OVERRIDES_MAX) {
                fprintf(stderr, "adserver: -o: more than %d of them\n", OVERRIDES_MAX);
                return EXIT_USAGE;
            }
            ret->overrides[ret->override_count++].text = optarg;
            break;
        case 't':
            ret->check_only = true;
            break;
        case 'V':
            printf("adserver %s\n", MASTHEAD_VERSION);
            return 0;
        case 'h':
            print_usage(stdout);
            return 0;
        default:
            fprintf(stderr, "adserver: -h shows what is allowed\n");
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "adserver: %s: not an option; -h shows what is allowed\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

static struct settings *load_settings(const struct command_line *line, struct err *err)
{
    struct options *options =
        options_load(line->config_path, environ, line->overrides, line->override_count, err);
    return options ? settings_new(options, err) : NULL;
}

/* Sockets */

static int find_socket(const struct sockets *sockets, const char *text)
{
    for (unsigned i = 0; i < sockets->count; i++)
        if (strcmp(sockets->texts[i], text) == 0)
            return (int)i;
    return -1;
}

/* Closes the sockets of `old` that `kept` does not have, and frees its list. */
static void drop_sockets(struct sockets *old, const struct sockets *kept)
{
    for (unsigned i = 0; i < old->count; i++) {
        if (find_socket(kept, old->texts[i]) < 0)
            (void)close(old->fds[i]);
        free(old->texts[i]);
    }
    old->count = 0;
}

/* The sockets for `addresses`, those of `old` taken over. On failure closes what it opened. */
static bool open_fresh(const struct sockets *old, const struct net_address *addresses,
                       unsigned count, struct sockets *ret, struct err *err)
{
    struct sockets fresh = {.count = 0};
    for (unsigned i = 0; i < count; i++) {
        int at = find_socket(old, addresses[i].text);
        int fd = at >= 0 ? old->fds[at] : listener_open(&addresses[i], err);
        if (fd < 0) {
            drop_sockets(&fresh, old);
            return false;
        }
        fresh.fds[i] = fd;
        fresh.texts[i] = check_strdup(addresses[i].text);
        fresh.count++;
    }
    *ret = fresh;
    return true;
}

static void take_over(struct sockets *sockets, const struct sockets *fresh)
{
    drop_sockets(sockets, fresh);
    *sockets = *fresh;
}

/* All sockets of a configuration, or the ones that were open before. */
static bool open_sockets(struct server *server, const struct settings *settings, struct err *err)
{
    struct sockets public_fresh, admin_fresh;
    if (!open_fresh(&server->public_sockets, settings->listen, settings->listen_count,
                    &public_fresh, err)) {
        (void)err_at(err, "server.listen");
        return false;
    }
    if (!open_fresh(&server->admin_sockets, settings->admin, settings->admin_count, &admin_fresh,
                    err)) {
        (void)err_at(err, "server.admin_listen");
        drop_sockets(&public_fresh, &server->public_sockets);
        return false;
    }
    take_over(&server->public_sockets, &public_fresh);
    take_over(&server->admin_sockets, &admin_fresh);
    return true;
}

/* State directory and privileges */

/*
 * A file in a folder of that account's must not be a link (AT_SYMLINK_NOFOLLOW): the account could
 * make root give it any other file.
 */
static bool own_file(const char *path, int flags, const struct settings *settings, struct err *err)
{
    if (settings->uid == 0 || fchownat(AT_FDCWD, path, settings->uid, settings->gid, flags) == 0)
        return true;
    (void)err_at(err, "%s", path);
    return err_set(err, "cannot be given to %s: %s", settings->options->server_user,
                   strerror(errno));
}

static bool prepare_state(const struct settings *settings, struct err *err)
{
    const char *dir = settings->options->server_state_dir;
    if (mkdir(dir, 0750) != 0 && errno != EEXIST) {
        (void)err_at(err, "server.state_dir");
        return err_set(err, "%s cannot be made: %s", err_quote(slice_cstr(dir)), strerror(errno));
    }
    return keyring_ensure(settings->keyring_path, clock_wall_us(&clock_system), err) &&
           own_file(dir, 0, settings, err) &&
           own_file(settings->keyring_path, AT_SYMLINK_NOFOLLOW, settings, err);
}

static bool is_locked(const struct spool_locks *locks, const char *dir)
{
    for (unsigned i = 0; i < locks->count; i++)
        if (strcmp(locks->dirs[i], dir) == 0)
            return true;
    return false;
}

/* The lock is held until the last process of this server has ended. */
static bool lock_spool(struct spool_locks *locks, const struct settings *settings, struct err *err)
{
    const char *dir = settings->options->server_state_dir;
    if (is_locked(locks, dir))
        return true;
    if (spool_lock_directory(dir, settings->uid, settings->gid, err) < 0)
        return false;
    locks->dirs = check_realloc(locks->dirs, (locks->count + 1) * sizeof(*locks->dirs));
    locks->dirs[locks->count++] = check_strdup(dir);
    return true;
}

static void forget_locks(struct spool_locks *locks)
{
    while (locks->count > 0)
        free(locks->dirs[--locks->count]);
    free(locks->dirs);
}

static bool check_keyring(const struct settings *settings, struct err *err)
{
    struct keyring keyring;
    if (!keyring_load(settings->keyring_path, &keyring, err))
        return false;
    keyring_wipe(&keyring);
    return true;
}

static bool drop_privileges(const struct settings *settings, struct err *err)
{
    if (settings->uid == 0)
        return true;
    if (initgroups(settings->options->server_user, settings->gid) == 0 &&
        setgid(settings->gid) == 0 && setuid(settings->uid) == 0)
        return true;
    (void)err_at(err, "server.user");
    return err_set(err, "cannot become %s: %s", settings->options->server_user, strerror(errno));
}

/* What the supervisor asks for */

static int run_worker(unsigned number, void *context)
{
    const struct server *server = context;
    struct worker_config config = {
        .settings = server->settings,
        .metrics = server->metrics,
        .young = server->young,
        .share_rest = server->share_rest,
        .board = server->board,
        .marks = server->marks,
        .public_fds = server->public_sockets.fds,
        .public_count = server->public_sockets.count,
        .admin_fds = server->admin_sockets.fds,
        .admin_count = server->admin_sockets.count,
        .number = number,
    };
    return worker_run(&config);
}

static void apply_log(const struct settings *settings)
{
    log_setup((enum log_level)settings->options->log_level,
              (enum log_format)settings->options->log_format);
}

/* New workers look for what others have left in their own state directory. */
static void warn_of_old_spool(const char *old, const char *fresh)
{
    if (strcmp(old, fresh) != 0)
        log_event(LOG_WARNING,
                  "reload: server.state_dir has changed; events that wait in the old one's spool "
                  "stay there until it is named again",
                  LOG_STR("old", old), LOG_STR("new", fresh));
}

/* A new configuration takes over whole, or not at all. */
static bool reload(void *context)
{
    struct server *server = context;
    struct err err = {0};
    struct settings *fresh = load_settings(&server->command_line, &err);

    if (!fresh || !prepare_state(fresh, &err) || !check_keyring(fresh, &err) ||
        !lock_spool(&server->locks, fresh, &err) || !open_sockets(server, fresh, &err)) {
        log_event(LOG_ERROR, "reload: refused, the running configuration stays",
                  LOG_STR("where", err.where), LOG_STR("error", err.text));
        settings_free(fresh);
        return false;
    }
    warn_of_old_spool(server->settings->options->server_state_dir,
                      fresh->options->server_state_dir);
    settings_free(server->settings);
    server->settings = fresh;
    apply_log(fresh);
    log_event(LOG_INFO, "reload: new workers take over", LOG_INT("workers", fresh->workers));
    return true;
}

static void close_sockets(struct server *server)
{
    const struct sockets none = {.count = 0};
    drop_sockets(&server->public_sockets, &none);
    drop_sockets(&server->admin_sockets, &none);
}

static void worker_ended(pid_t pid, void *context)
{
    const struct server *server = context;
    flight_board_release(server->board, pid);
    metrics_leave_spool(server->metrics, clock_mono_us(&clock_system) + SPOOL_LEFT_MS * US_PER_MS);
}

static void stopping(void *context)
{
    close_sockets(context);
}

static unsigned worker_count(void *context)
{
    const struct server *server = context;
    return server->settings->workers;
}

static int64_t drain_ms(void *context)
{
    const struct server *server = context;
    return server->settings->options->server_drain_seconds_in_ms;
}

/* Descriptors 0 to 2 are open, so that no socket of ours is ever taken for one of them. */
static void open_standard_descriptors(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        (void)close(fd);
}

static bool start(struct server *server, struct err *err)
{
    return prepare_state(server->settings, err) &&
           lock_spool(&server->locks, server->settings, err) &&
           open_sockets(server, server->settings, err) && drop_privileges(server->settings, err) &&
           check_keyring(server->settings, err);
}

static int supervise(struct server *server)
{
    const struct metrics_layout layout = {SERIES_ROWS_MAX, SERIES_COUNTERS};
    struct workers_config config = {
        .main = run_worker,
        .reload = reload,
        .ended = worker_ended,
        .stopping = stopping,
        .context = server,
        .count = worker_count,
        .drain_ms = drain_ms,
    };
    int code;

    server->metrics = config.metrics = metrics_new(layout);
    server->young = young_new();
    server->share_rest = share_rest_new();
    server->board = flight_board_new();
    server->marks = spool_marks_new();
    log_event(LOG_INFO, "started", LOG_STR("version", MASTHEAD_VERSION),
              LOG_INT("workers", server->settings->workers),
              LOG_STR("listen", server->settings->options->server_listen),
              LOG_STR("admin", server->settings->options->server_admin_listen));
    code = workers_run(&config);
    log_event(LOG_INFO, "stopped", LOG_INT("code", code));
    metrics_free(server->metrics);
    share_rest_free(server->share_rest);
    young_free(server->young);
    flight_board_free(server->board);
    spool_marks_free(server->marks);
    return code;
}

static void release(struct server *server)
{
    close_sockets(server);
    settings_free(server->settings);
    forget_locks(&server->locks);
}

int main(int argc, char **argv)
{
    static struct server server;
    struct err err = {0};
    int code;

    open_standard_descriptors();
    code = read_command_line(argc, argv, &server.command_line);
    if (code >= 0)
        return code;
    server.settings = load_settings(&server.command_line, &err);
    if (!server.settings) {
        print_err(&err);
        return EXIT_USAGE;
    }
    if (server.command_line.check_only) {
        printf("adserver: the configuration is good\n");
        release(&server);
        return 0;
    }
    apply_log(server.settings);
    if (!start(&server, &err)) {
        print_err(&err);
        release(&server);
        return EXIT_CANNOT_START;
    }
    code = supervise(&server);
    release(&server);
    return code;
}
