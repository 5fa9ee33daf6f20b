#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net/workers.h"
#include "serve/settings.h"

static struct settings *load(const char *override, struct err *err)
{
    const struct options_override overrides[] = {{override}};
    struct options *options = options_load(NULL, NULL, overrides, override ? 1 : 0, err);
    if (!options)
        fail_msg("%s: %s", err->where, err->text);
    return settings_new(options, err);
}

static void test_the_defaults_are_understood(void **state)
{
    struct err err = {0};
    struct settings *settings = load(NULL, &err);
    (void)state;
    assert_non_null(settings);
    assert_int_equal(settings->listen_count, 1);
    assert_string_equal(settings->listen[0].text, "127.0.0.1:8080");
    assert_string_equal(settings->admin[0].text, "127.0.0.1:8081");
    assert_in_range(settings->workers, 1, WORKERS_MAX);
    assert_string_equal(settings->redis.host, "127.0.0.1");
    assert_int_equal(settings->redis.port, 6379);
    assert_int_equal(settings->ladder.count, 2);
    assert_int_equal(settings->trusted.count, 0);
    assert_string_equal(settings->keyring_path, "var//keyring");
    assert_int_equal(settings->uid, 0);
    assert_null(settings->geo);
    settings_free(settings);
    settings_free(NULL);
}

static void test_several_addresses(void **state)
{
    struct err err = {0};
    struct settings *settings = load("server.listen=127.0.0.1:1, [::1]:2 ,unix:/tmp/x", &err);
    (void)state;
    assert_non_null(settings);
    assert_int_equal(settings->listen_count, 3);
    assert_string_equal(settings->listen[1].text, "[::1]:2");
    assert_string_equal(settings->listen[2].text, "unix:/tmp/x");
    settings_free(settings);
}

static void test_the_key_ring_has_a_place_of_its_own(void **state)
{
    struct err err = {0};
    struct settings *settings = load("tokens.keyring=/etc/masthead/keys", &err);
    (void)state;
    assert_non_null(settings);
    assert_string_equal(settings->keyring_path, "/etc/masthead/keys");
    settings_free(settings);
}

static void test_a_location_database_is_opened(void **state)
{
    struct err err = {0};
    struct settings *settings = load("geo.database=tests/data/country.mmdb", &err);
    (void)state;
    assert_non_null(settings);
    assert_non_null(settings->geo);
    settings_free(settings);
}

static void test_workers(void **state)
{
    struct err err = {0};
    struct settings *settings = load("server.workers=32", &err);
    (void)state;
    assert_non_null(settings);
    assert_int_equal(settings->workers, 32);
    settings_free(settings);
}

static const char *const refused[] = {
    "server.listen=",
    "server.listen=8080",
    "server.listen=127.0.0.1:99999",
    "server.listen=127.0.0.1:80,",
    "server.admin_listen=nowhere",
    "server.public_url=",
    "server.public_url=ads.example",
    "server.public_url=ftp://ads.example",
    "server.public_url=https://ads.example/",
    "server.public_url=https://ads.example/a/",
    "server.public_url=https://ads.example?x",
    "server.public_url=https://ads.example#x",
    "server.public_url=https://user@ads.example",
    "server.public_url=https://ads.example\"><script>",
    "server.workers=0",
    "server.workers=33",
    "server.workers=-1",
    "server.workers=two",
    "server.workers=",
    "server.workers=1.5",
    "server.trusted_proxies=10.0.0.0/99",
    "server.trusted_proxies=10.0.0.1/8",
    "redis.url=",
    "redis.url=127.0.0.1:6379",
    "redis.url=http://127.0.0.1:6379",
    "redis.url=redis://127.0.0.1:6379/zero",
    "redis.password_file=/nonexistent/password",
    "redis.prefix=",
    "redis.prefix=a b",
    "redis.prefix={ad}",
    "redis.prefix=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "viewer.identity=",
    "viewer.identity=cookies",
    "geo.database=/nonexistent/geo.mmdb",
    "geo.database=Makefile",
    "geo.database=tests/data/network.mmdb",
};

/* `-o` is where all of these came from, and it is what the message begins with. */
static void test_mistakes_name_their_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct err err = {0};
        struct settings *settings = load(refused[i], &err);
        char name[64];
        (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(refused[i], "="), refused[i]);
        if (strncmp(name, "redis.password", 14) == 0)
            (void)snprintf(name, sizeof(name), "redis."); /* read with the address it belongs to */
        if (settings)
            fail_msg("accepted: %s", refused[i]);
        if (!strstr(err.where, name) || err.text[0] == '\0')
            fail_msg("%s: told as \"%s\", \"%s\"", refused[i], err.where, err.text);
    }
}

static void test_an_account_that_is_not_there(void **state)
{
    struct err err = {0};
    (void)state;
    if (geteuid() != 0) { /* only root becomes somebody else */
        skip();
        return;
    }
    assert_null(load("server.user=nobody-of-that-name", &err));
    assert_non_null(strstr(err.where, "server.user"));
    struct settings *settings = load("server.user=nobody", &err);
    assert_non_null(settings);
    assert_int_not_equal(settings->uid, 0);
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_defaults_are_understood),
        cmocka_unit_test(test_several_addresses),
        cmocka_unit_test(test_the_key_ring_has_a_place_of_its_own),
        cmocka_unit_test(test_a_location_database_is_opened),
        cmocka_unit_test(test_workers),
        cmocka_unit_test(test_mistakes_name_their_option),
        cmocka_unit_test(test_an_account_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
