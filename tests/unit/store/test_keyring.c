#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/clock.h"
#include "store/keyring.h"
#include "unit/store/unit.h"

#define NOW_S  INT64_C(1800000000)
#define NOW_US (NOW_S * US_PER_SECOND)
#define HOUR_S INT64_C(3600)
#define TTL_MS (24 * HOUR_S * 1000)
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 32 bytes of 0 */

static char folder[64];
static char path[96];
static struct keyring ring;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/masthead-keyring-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/keyring", folder);
    err = (struct err){"", ""};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder); /* fails when something was left behind */
}

static void write_ring(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

static void load_ring(void)
{
    if (!keyring_load(path, &ring, &err))
        fail_msg("%s: %s", err.where, err.text);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void test_keys_are_read_oldest_first(void **state)
{
    (void)state;
    write_ring("# a comment\n\n"
               "000000b0 2000 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
               "ffffffff 1000 " SECRET "\n"
               "0a0b0c0d 3000 " SECRET, /* the last line need not end */
               0600);
    load_ring();
    assert_int_equal(ring.count, 3);
    assert_true(ring.keys[0].id == 0xffffffff);
    assert_true(ring.keys[1].id == 0xb0);
    assert_int_equal(ring.keys[1].secret[0], 1);
    assert_true(ring.keys[0].made_us == 1000 * US_PER_SECOND);
    assert_true(ring.keys[0].retired_us == 2000 * US_PER_SECOND);
    assert_true(ring.keys[1].retired_us == 3000 * US_PER_SECOND);
    assert_true(ring.keys[2].retired_us == INT64_MAX);
    assert_ptr_equal(keyring_newest(&ring), &ring.keys[2]);
    write_ring("00000001 1000 " SECRET "\n", 0400);
    load_ring();
}

static void check_refused(const char *wrong)
{
    struct keyring untouched = {.count = 77};
    assert_false(keyring_load(path, &untouched, &err));
    assert_int_equal(untouched.count, 77);
    assert_string_equal(err.where, path);
    if (!strstr(err.text, wrong))
        fail_msg("\"%s\" does not say \"%s\"", err.text, wrong);
    assert_null(strstr(err.text, "AAAAAAAA")); /* a secret is not told */
}

static void test_what_is_no_ring(void **state)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"", "no key"},
        {"# nothing\n", "no key"},
        {"00000001 1000\n", "is not `<id> <made> <secret>`"},
        {"00000001 1000 " SECRET " more\n", "is not `<id> <made> <secret>`"},
        {"00000001  1000 " SECRET "\n", "is not `<id> <made> <secret>`"},
        {" 00000001 1000 " SECRET "\n", "is not `<id> <made> <secret>`"},
        {"00000001\t1000\t" SECRET "\n", "is not `<id> <made> <secret>`"},
        {"0000001 1000 " SECRET "\n", "8 hex digits"},
        {"000000001 1000 " SECRET "\n", "8 hex digits"},
        {"0000000G 1000 " SECRET "\n", "8 hex digits"},
        {"ABCDEF01 1000 " SECRET "\n", "8 hex digits in lower case"},
        {"00000001 -1 " SECRET "\n", "unix seconds"},
        {"00000001 1000.5 " SECRET "\n", "unix seconds"},
        {"00000001 99999999999999999999 " SECRET "\n", "unix seconds"},
        {"00000001 1000 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "32 bytes"},
        {"00000001 1000 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "32 bytes"},
        {"00000001 1000 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n", "32 bytes"},
        {"00000001 1000 " SECRET "=\n", "32 bytes"},
        {"00000001 1000 " SECRET "\r\n", "32 bytes"},
        {"00000001 1000 " SECRET "\n00000001 2000 " SECRET "\n", "stands in it twice"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_ring(cases[i].text, 0600);
        check_refused(cases[i].wrong);
    }
}

static void write_many(unsigned keys, const char *filler)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (unsigned i = 0; i < keys; i++)
        (void)fprintf(file, "%08x %u %s\n%s", i, 1000 + i, SECRET, filler);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(fclose(file), 0);
}

static void test_limits(void **state)
{
    static char comment[1024];
    (void)state;
    write_many(KEYRING_KEYS_MAX, "");
    load_ring();
    assert_int_equal(ring.count, KEYRING_KEYS_MAX);
    write_many(KEYRING_KEYS_MAX + 1, "");
    check_refused("more than 64 keys");
    memset(comment, '#', sizeof comment - 2);
    comment[sizeof comment - 2] = '\n';
    write_many(16, comment);
    check_refused("over 16384 bytes");
}

static void test_others_may_not_read_or_write_it(void **state)
{
    (void)state;
    for (unsigned bit = 01; bit <= 040; bit <<= 1) {
        write_ring("00000001 1000 " SECRET "\n", 0600 | bit);
        check_refused("allowed is 0600 or 0400");
        (void)unlink(path);
    }
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    check_refused("No such file or directory");
    assert_int_equal(mkdir(path, 0700), 0);
    check_refused("not a regular file");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_refused("not a regular file"); /* and nobody waits for a writer */
}

/* ---- Making ---------------------------------------------------------------------------------- */

static void test_ensure_makes_a_private_file_once(void **state)
{
    struct stat made;
    (void)state;
    mode_t mask = umask(0);
    assert_true(keyring_ensure(path, NOW_US, &err));
    (void)umask(mask);
    assert_int_equal(stat(path, &made), 0);
    assert_int_equal(made.st_mode & 07777, 0600);
    load_ring();
    assert_int_equal(ring.count, 1);
    assert_true(ring.keys[0].made_us == NOW_US);
    uint32_t id = ring.keys[0].id;
    assert_true(keyring_ensure(path, NOW_US + 1, &err));
    load_ring();
    assert_int_equal(ring.count, 1);
    assert_true(ring.keys[0].id == id);
}

static void test_ensure_leaves_what_is_there(void **state)
{
    char text[8] = "";
    (void)state;
    write_ring("broken", 0644);
    assert_true(keyring_ensure(path, NOW_US, &err));
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof text, file));
    assert_int_equal(fclose(file), 0);
    assert_string_equal(text, "broken");
}

static void test_ensure_says_why_it_cannot(void **state)
{
    (void)state;
    assert_false(keyring_ensure("/tmp/masthead-no-such-folder/keyring", NOW_US, &err));
    assert_string_equal(err.where, "/tmp/masthead-no-such-folder/keyring");
    assert_non_null(strstr(err.text, "No such file or directory"));
}

static void test_secrets_differ(void **state)
{
    struct keyring other;
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    load_ring();
    assert_int_equal(unlink(path), 0);
    assert_true(keyring_ensure(path, NOW_US, &err));
    assert_true(keyring_load(path, &other, &err));
    assert_memory_not_equal(ring.keys[0].secret, other.keys[0].secret, KEYRING_SECRET_BYTES);
}

/* ---- Rotating -------------------------------------------------------------------------------- */

static uint32_t rotate(int64_t now_us)
{
    uint32_t id = 0;
    if (!keyring_rotate(path, now_us, TTL_MS, &id, &err))
        fail_msg("%s: %s", err.where, err.text);
    return id;
}

static void test_rotation_retires_the_newest(void **state)
{
    struct stat found;
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    load_ring();
    const struct keyring_key first = ring.keys[0];
    uint32_t id = rotate(NOW_US + HOUR_S * US_PER_SECOND);
    load_ring();
    assert_int_equal(ring.count, 2);
    assert_true(ring.keys[0].id == first.id);
    assert_memory_equal(ring.keys[0].secret, first.secret, KEYRING_SECRET_BYTES);
    assert_true(ring.keys[0].retired_us == NOW_US + HOUR_S * US_PER_SECOND);
    assert_true(keyring_newest(&ring)->id == id);
    assert_true(id != first.id);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0600);
}

static void test_rotation_drops_what_has_expired(void **state)
{
    const int64_t ttl_us = TTL_MS * US_PER_MS;
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    load_ring();
    uint32_t first = ring.keys[0].id;
    uint32_t second = rotate(NOW_US + US_PER_SECOND);
    (void)rotate(NOW_US + US_PER_SECOND + ttl_us);
    load_ring();
    assert_int_equal(ring.count, 3);
    assert_true(ring.keys[0].id == first);
    (void)rotate(NOW_US + 2 * US_PER_SECOND + ttl_us);
    load_ring();
    assert_int_equal(ring.count, 3);
    assert_true(ring.keys[0].id == second);
}

static void test_two_rotations_in_a_second(void **state)
{
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    (void)rotate(NOW_US);
    uint32_t id = rotate(NOW_US);
    load_ring();
    assert_int_equal(ring.count, 3);
    assert_true(keyring_newest(&ring)->id == id);
}

/* The new key signs whatever the clock says. */
static void test_a_clock_that_went_back(void **state)
{
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    uint32_t id = rotate(NOW_US - HOUR_S * US_PER_SECOND);
    load_ring();
    assert_int_equal(ring.count, 2);
    assert_true(keyring_newest(&ring)->id == id);
}

static void test_a_full_ring(void **state)
{
    uint32_t id = 0;
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    for (unsigned i = 1; i < KEYRING_KEYS_MAX; i++)
        (void)rotate(NOW_US + i * US_PER_SECOND);
    assert_false(keyring_rotate(path, NOW_US + 100 * US_PER_SECOND, TTL_MS, &id, &err));
    assert_non_null(strstr(err.text, "64 keys, none of which has expired"));
    load_ring();
    assert_int_equal(ring.count, KEYRING_KEYS_MAX);
}

static void test_rotation_of_what_is_no_ring(void **state)
{
    uint32_t id = 5;
    (void)state;
    assert_false(keyring_rotate(path, NOW_US, TTL_MS, &id, &err));
    assert_string_equal(err.where, path);
    assert_non_null(strstr(err.text, "No such file or directory"));
    write_ring("00000001 1000 " SECRET "\n", 0640);
    assert_false(keyring_rotate(path, NOW_US, TTL_MS, &id, &err));
    assert_non_null(strstr(err.text, "mode 0640"));
    assert_int_equal(id, 5);
}

/* A link stays one: what it points at is changed. */
static void test_rotation_through_a_link(void **state)
{
    char target[sizeof path + 8];
    struct stat found;
    (void)state;
    (void)snprintf(target, sizeof target, "%s.real", path);
    assert_true(keyring_ensure(target, NOW_US, &err));
    assert_int_equal(symlink("keyring.real", path), 0);
    (void)rotate(NOW_US);
    assert_int_equal(lstat(path, &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    assert_true(keyring_load(target, &ring, &err));
    assert_int_equal(ring.count, 2);
    assert_int_equal(unlink(target), 0);
}

/* Rotated by root it must stay the server's own. */
static void test_rotation_keeps_the_owner(void **state)
{
    enum { SOMEBODY = 12345 };
    struct stat found;
    (void)state;
    if (geteuid() != 0)
        skip();
    assert_true(keyring_ensure(path, NOW_US, &err));
    assert_int_equal(chown(path, SOMEBODY, SOMEBODY + 1), 0);
    (void)rotate(NOW_US);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_uid, SOMEBODY);
    assert_int_equal(found.st_gid, SOMEBODY + 1);
    assert_int_equal(found.st_mode & 07777, 0600);
}

static void test_parallel_rotations_lose_no_key(void **state)
{
    enum { PROCESSES = 8, ROTATIONS = 5 };
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    for (unsigned i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
            continue;
        unsigned failures = 0;
        for (unsigned j = 0; j < ROTATIONS; j++) {
            uint32_t id;
            failures += !keyring_rotate(path, NOW_US, TTL_MS, &id, &err);
        }
        _exit(failures == 0 ? 0 : 1);
    }
    for (unsigned i = 0; i < PROCESSES; i++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    load_ring();
    assert_int_equal(ring.count, 1 + PROCESSES * ROTATIONS);
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static void test_a_retired_key_is_good_for_page_ttl(void **state)
{
    const int64_t end_us = (2000 * US_PER_SECOND) + TTL_MS * US_PER_MS;
    (void)state;
    write_ring("00000001 1000 " SECRET "\n00000002 2000 " SECRET "\n", 0600);
    load_ring();
    assert_ptr_equal(keyring_find(&ring, 1, 1500 * US_PER_SECOND, TTL_MS), &ring.keys[0]);
    assert_ptr_equal(keyring_find(&ring, 1, end_us, TTL_MS), &ring.keys[0]);
    assert_null(keyring_find(&ring, 1, end_us + 1, TTL_MS));
    assert_ptr_equal(keyring_find(&ring, 2, INT64_MAX / 2, TTL_MS), &ring.keys[1]);
    assert_null(keyring_find(&ring, 3, 1500 * US_PER_SECOND, TTL_MS));
}

static void test_wiping(void **state)
{
    const struct keyring nothing = {.count = 0};
    (void)state;
    assert_true(keyring_ensure(path, NOW_US, &err));
    load_ring();
    keyring_wipe(&ring);
    assert_memory_equal(&ring, &nothing, sizeof ring);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keys_are_read_oldest_first),
        TEST(test_what_is_no_ring),
        TEST(test_limits),
        TEST(test_others_may_not_read_or_write_it),
        TEST(test_what_is_no_file),
        TEST(test_ensure_makes_a_private_file_once),
        TEST(test_ensure_leaves_what_is_there),
        TEST(test_ensure_says_why_it_cannot),
        TEST(test_secrets_differ),
        TEST(test_rotation_retires_the_newest),
        TEST(test_rotation_drops_what_has_expired),
        TEST(test_two_rotations_in_a_second),
        TEST(test_a_clock_that_went_back),
        TEST(test_a_full_ring),
        TEST(test_rotation_of_what_is_no_ring),
        TEST(test_rotation_through_a_link),
        TEST(test_rotation_keeps_the_owner),
        TEST(test_parallel_rotations_lose_no_key),
        TEST(test_a_retired_key_is_good_for_page_ttl),
        TEST(test_wiping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
