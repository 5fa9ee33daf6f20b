#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "store/redis.h"

static const struct {
    const char *url, *host;
    int port;
    const char *unix_path;
    int db;
    const char *user, *password;
} good[] = {
    {"redis://127.0.0.1:6379/0", "127.0.0.1", 6379, NULL, 0, NULL, NULL},
    {"redis://localhost", "localhost", 6379, NULL, 0, NULL, NULL},
    {"redis://localhost/", "localhost", 6379, NULL, 0, NULL, NULL},
    {"redis://cache:7000/15", "cache", 7000, NULL, 15, NULL, NULL},
    {"redis://[::1]:7000/1", "::1", 7000, NULL, 1, NULL, NULL},
    {"redis://[2001:db8::1]", "2001:db8::1", 6379, NULL, 0, NULL, NULL},
    {"redis://:secret@h", "h", 6379, NULL, 0, NULL, "secret"},
    {"redis://ads:s%40c%3Ar%2Ft@h:1/2", "h", 1, NULL, 2, "ads", "s@c:r/t"},
    {"redis://ads:p@ss@h", "h", 6379, NULL, 0, "ads", "p@ss"},
    {"unix:///run/redis.sock", NULL, 0, "/run/redis.sock", 0, NULL, NULL},
    {"unix:///run/redis.sock?db=3", NULL, 0, "/run/redis.sock", 3, NULL, NULL},
};

static void assert_text(const char *text, const char *expected)
{
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
}

static void good_urls_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct redis_target target;
        struct err err = {0};
        if (!redis_target_parse(good[i].url, "", &target, &err))
            fail_msg("%s: %s", good[i].url, err.text);
        assert_text(target.host, good[i].host);
        assert_int_equal(target.port, good[i].port);
        assert_text(target.unix_path, good[i].unix_path);
        assert_int_equal(target.db, good[i].db);
        assert_text(target.user, good[i].user);
        assert_text(target.password, good[i].password);
        redis_target_release(&target);
    }
}

static const struct {
    const char *url, *says;
} bad[] = {
    {"", "is not an address of Redis"},
    {"localhost:6379", "is not an address of Redis"},
    {"http://h", "is not an address of Redis"},
    {"rediss://h", "is not an address of Redis"},
    {"redis-sentinel://h:1", "no name of a primary"},
    {"redis-sentinel://@h:1", "is not a name"},
    {"redis-sentinel://a b@h:1", "is not a name"},
    {"redis-sentinel://secret@ads@h:1", "has no colon"},
    {"redis-sentinel://ads@", "no host"},
    {"redis-sentinel://ads@h:1,,i:2", "no host"},
    {"redis-sentinel://ads@h:1,i:0", "is not a port"},
    {"redis-sentinel://ads@a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "more than 16"},
    {"redis-sentinel://ads@h/x", "is not a database number"},
    {"redis-sentinel://ads@h?password=x", "is not known"},
    {"redis-sentinel://ads@h?sentinel_password=%", "not percent-encoded rightly"},
    {"redis-sentinel://ads@h?sentinel_password=a&sentinel_password=b", "once each"},
    {"redis-sentinel://ads@h?sentinel_user=a", "needs sentinel_password"},
    {"redis-cluster://", "no host"},
    {"redis-cluster://h:1/1", "allowed is 0 alone"},
    {"redis-cluster://h:1,i:x", "is not a port"},
    {"redis-cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "more than 16"},
    {"redis://", "no host"},
    {"redis://:6379", "no host"},
    {"redis://[]:1", "no host"},
    {"redis://[::1", "no host"},
    {"redis://h:0", "is not a port"},
    {"redis://h:65536", "is not a port"},
    {"redis://h:", "is not a port"},
    {"redis://h:12x", "is not a port"},
    {"redis://[::1]7000", "is not a port"},
    {"redis://h/x", "is not a database number"},
    {"redis://h/65536", "is not a database number"},
    {"redis://h/1/2", "is not a database number"},
    {"redis://ads@h", "has no colon"},
    {"redis://a%zz:b@h", "not percent-encoded rightly"},
    {"redis://a:b%4@h", "not percent-encoded rightly"},
    {"redis://a:b%@h", "not percent-encoded rightly"},
    {"redis://a:%00@h", "not percent-encoded rightly"},
    {"unix://run/redis.sock", "not an absolute path"},
    {"unix://", "not an absolute path"},
    {"unix:///run/redis.sock?x=1", "is not known"},
    {"unix:///run/redis.sock?db=x", "is not a database number"},
};

static void bad_urls_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis_target target;
        struct err err = {0};
        if (redis_target_parse(bad[i].url, NULL, &target, &err))
            fail_msg("%s was taken", bad[i].url);
        if (!strstr(err.text, bad[i].says))
            fail_msg("%s: %s", bad[i].url, err.text);
    }
}

static const struct {
    const char *url;
    enum redis_kind kind;
    const char *service, *seeds; /* as "host:port host:port" */
    int db;
    const char *user, *password, *sentinel_user, *sentinel_password;
} many[] = {
    {"redis-sentinel://ads@a:1,b:2,[::1]:3/4", REDIS_SENTINEL, "ads", "a:1 b:2 ::1:3", 4, NULL,
     NULL, NULL, NULL},
    {"redis-sentinel://mymaster.1-x_y@a", REDIS_SENTINEL, "mymaster.1-x_y", "a:26379", 0, NULL,
     NULL, NULL, NULL},
    {"redis-sentinel://me:p@ss@ads@a:1?sentinel_password=%40&sentinel_user=s", REDIS_SENTINEL,
     "ads", "a:1", 0, "me", "p@ss", "s", "@"},
    {"redis-cluster://a:1,b", REDIS_CLUSTER, NULL, "a:1 b:6379", 0, NULL, NULL, NULL, NULL},
    {"redis-cluster://:x@a/0", REDIS_CLUSTER, NULL, "a:6379", 0, NULL, "x", NULL, NULL},
};

static const char *seeds_of(const struct redis_target *target)
{
    static char text[512];
    size_t len = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < target->seed_count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s:%d", i ? " " : "",
                                target->seeds[i].host, target->seeds[i].port);
    return text;
}

static void urls_of_many_servers_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        struct redis_target target;
        struct err err = {0};
        if (!redis_target_parse(many[i].url, "", &target, &err))
            fail_msg("%s: %s", many[i].url, err.text);
        assert_int_equal(target.kind, many[i].kind);
        assert_null(target.host);
        assert_text(target.service, many[i].service);
        assert_string_equal(seeds_of(&target), many[i].seeds);
        assert_int_equal(target.db, many[i].db);
        assert_text(target.user, many[i].user);
        assert_text(target.password, many[i].password);
        assert_text(target.sentinel_user, many[i].sentinel_user);
        assert_text(target.sentinel_password, many[i].sentinel_password);
        redis_target_release(&target);
    }
}

static void one_server_of_many_has_their_credentials(void **state)
{
    struct redis_target target, primary, sentinel;
    struct err err = {0};
    (void)state;
    assert_true(redis_target_parse("redis-sentinel://u:p@ads@a:1/3?sentinel_password=q", NULL,
                                   &target, &err));
    primary = redis_target_at(&target, "b", 7);
    sentinel = redis_target_sentinel(&target, "c", 8);
    redis_target_release(&target);
    assert_true(redis_target_is_at(&primary, "b", 7));
    assert_false(redis_target_is_at(&primary, "b", 8));
    assert_int_equal(primary.db, 3);
    assert_string_equal(primary.password, "p");
    assert_string_equal(sentinel.password, "q");
    assert_null(sentinel.user);
    assert_int_equal(sentinel.db, 0);
    redis_target_move(&primary, primary.host, 9);
    assert_true(redis_target_is_at(&primary, "b", 9));
    redis_target_release(&primary);
    redis_target_release(&sentinel);
}

static void a_password_comes_from_its_file(void **state)
{
    char path[] = "/tmp/masthead-test-XXXXXX";
    struct redis_target target;
    struct err err = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_false(redis_target_parse("redis://h", "/nonexistent", &target, &err));
    assert_true(strstr(err.text, "cannot open /nonexistent") != NULL);
    assert_false(redis_target_parse("redis://h", path, &target, &err));
    assert_true(strstr(err.text, "must be a password") != NULL);
    assert_int_equal(write(fd, "from file\nrest\n", 15), 15);
    assert_true(redis_target_parse("redis://ads:other@h", path, &target, &err));
    assert_string_equal(target.password, "from file");
    assert_string_equal(target.user, "ads");
    redis_target_release(&target);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_urls_are_read),
        cmocka_unit_test(bad_urls_are_refused_with_what_is_allowed),
        cmocka_unit_test(urls_of_many_servers_are_read),
        cmocka_unit_test(one_server_of_many_has_their_credentials),
        cmocka_unit_test(a_password_comes_from_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
