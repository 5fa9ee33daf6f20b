#include "serve/settings.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "decision/landing.h"
#include "net/workers.h"
#include "store/crawler_file.h"

/* Each text option that means something has one function here; the table at the end runs them all.
 */

static bool parse_addresses(const char *text, struct net_address *ret, unsigned *ret_count,
                            struct err *err)
{
    struct slice rest = slice_cstr(text), word;
    unsigned count = 0;

    while (slice_next(&rest, ',', &word)) {
        if (count == LISTEN_MAX)
            return err_set(err, "more than %d addresses", LISTEN_MAX);
        if (!net_address_parse(slice_trim(word), &ret[count++], err))
            return false;
    }
    if (count == 0)
        return err_set(err, "no address, allowed are host:port, [v6]:port and unix:/path");
    *ret_count = count;
    return true;
}

static bool understand_listen(struct settings *settings, struct err *err)
{
    return parse_addresses(settings->options->server_listen, settings->listen,
                           &settings->listen_count, err);
}

static bool understand_admin(struct settings *settings, struct err *err)
{
    return parse_addresses(settings->options->server_admin_listen, settings->admin,
                           &settings->admin_count, err);
}

static bool understand_public_url(struct settings *settings, struct err *err)
{
    struct slice url = slice_cstr(settings->options->server_public_url);
    struct err reason = {0};
    if (!landing_is_valid(url, &reason))
        return err_set(err, "%s", reason.text);
    if (slice_ends(url, SLICE("/")) || slice_find(url, '?') < url.len ||
        slice_find(url, '#') < url.len)
        return err_set(err,
                       "%s is no prefix, allowed is http(s)://host[:port][/path] without a "
                       "slash at its end",
                       err_quote(url));
    return true;
}

static unsigned cores(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        return 1;
    return count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

static bool understand_workers(struct settings *settings, struct err *err)
{
    struct slice text = slice_cstr(settings->options->server_workers);
    uint64_t number = cores();
    if (!slice_eq(text, SLICE("auto")) &&
        (!slice_to_u64(text, WORKERS_MAX, &number) || number == 0))
        return err_set(err, "%s is neither a number from 1 to %d nor auto", err_quote(text),
                       WORKERS_MAX);
    settings->workers = (unsigned)number;
    return true;
}

static bool understand_user(struct settings *settings, struct err *err)
{
    const char *name = settings->options->server_user;
    const struct passwd *account;
    if (name[0] == '\0' || geteuid() != 0)
        return true;
    account = getpwnam(name);
    if (!account)
        return err_set(err, "there is no account %s", err_quote(slice_cstr(name)));
    settings->uid = account->pw_uid;
    settings->gid = account->pw_gid;
    return true;
}

static bool understand_proxies(struct settings *settings, struct err *err)
{
    return networks_parse(slice_cstr(settings->options->server_trusted_proxies), &settings->trusted,
                          err);
}

static bool understand_internal(struct settings *settings, struct err *err)
{
    return networks_parse(slice_cstr(settings->options->bots_internal), &settings->internal, err);
}

static bool understand_crawlers(struct settings *settings, struct err *err)
{
    const char *path = settings->options->bots_list;
    settings->crawlers = path[0] ? crawler_file_read(path, err) : crawler_list_built_in();
    return settings->crawlers != NULL;
}

static bool understand_redis(struct settings *settings, struct err *err)
{
    const char *file = settings->options->redis_password_file;
    return redis_target_parse(settings->options->redis_url, file[0] ? file : NULL, &settings->redis,
                              err);
}

static bool understand_prefix(struct settings *settings, struct err *err)
{
    struct slice prefix = slice_cstr(settings->options->redis_prefix);
    bool good = prefix.len >= 1 && prefix.len <= 32;
    for (size_t i = 0; good && i < prefix.len; i++) {
        char c = prefix.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == ':' || c == '.' || c == '_' || c == '-';
    }
    return good ||
           err_set(err, "%s: allowed are 1 to 32 of A-Z a-z 0-9 : . _ -", err_quote(prefix));
}

static bool understand_identity(struct settings *settings, struct err *err)
{
    return viewer_ladder_parse(slice_cstr(settings->options->viewer_identity), &settings->ladder,
                               err);
}

static bool understand_keyring(struct settings *settings, struct err *err)
{
    const struct options *options = settings->options;
    (void)err;
    if (options->tokens_keyring[0])
        settings->keyring_path = check_strdup(options->tokens_keyring);
    else
        CHECK(asprintf(&settings->keyring_path, "%s/keyring", options->server_state_dir) > 0);
    return true;
}

static bool understand_geo(struct settings *settings, struct err *err)
{
    const char *path = settings->options->geo_database;
    if (path[0] == '\0')
        return true;
    settings->geo = geo_open(path, err);
    return settings->geo != NULL;
}

static bool understand_token(struct settings *settings, struct err *err)
{
    return api_token_read(settings->options->api_token_file, &settings->api_token, err);
}

static const struct {
    const char *name;
    bool (*understand)(struct settings *settings, struct err *err);
} texts[] = {
    {"server.listen", understand_listen},
    {"server.admin_listen", understand_admin},
    {"server.public_url", understand_public_url},
    {"server.workers", understand_workers},
    {"server.user", understand_user},
    {"server.trusted_proxies", understand_proxies},
    {"bots.internal", understand_internal},
    {"bots.list", understand_crawlers},
    {"redis.url", understand_redis},
    {"redis.prefix", understand_prefix},
    {"viewer.identity", understand_identity},
    {"tokens.keyring", understand_keyring},
    {"geo.database", understand_geo},
    {"api.token_file", understand_token},
};

struct settings *settings_new(struct options *options, struct err *err)
{
    struct settings *settings = check_calloc(1, sizeof(*settings));
    settings->options = options;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (!texts[i].understand(settings, err)) {
            (void)err_at(err, "%s", options_where(options, texts[i].name));
            settings_free(settings);
            return NULL;
        }
    return settings;
}

void settings_free(struct settings *settings)
{
    if (!settings)
        return;
    crawler_list_free(settings->crawlers);
    geo_close(settings->geo);
    redis_target_release(&settings->redis);
    options_free(settings->options);
    free(settings->keyring_path);
    free(settings);
}
