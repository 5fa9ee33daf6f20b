#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "store/geo.h"

/* Made by tests/lib/places.mjs; a system test says whether they still are what it makes. */
#define DATA     "tests/data/"
#define FILE_MAX 65536

static struct net_ip address(const char *text)
{
    struct net_ip ip = {{[10] = 0xff, [11] = 0xff}};
    if (inet_pton(AF_INET, text, ip.bytes + 12) != 1 && inet_pton(AF_INET6, text, ip.bytes) != 1)
        fail_msg("not an address: %s", text);
    return ip;
}

static struct geo *open_good(const char *path)
{
    struct err err = {0};
    struct geo *geo = geo_open(path, &err);
    if (!geo)
        fail_msg("%s", err.text);
    return geo;
}

static void assert_place(struct geo *geo, const char *text, const char *country, const char *region)
{
    struct net_ip ip = address(text);
    struct geo_place place;
    memset(&place, 'x', sizeof(place));
    bool found = geo_find(geo, &ip, &place);
    if (strcmp(place.country, country) != 0 || strcmp(place.region, region) != 0)
        fail_msg("%s: \"%s\" \"%s\" is not \"%s\" \"%s\"", text, place.country, place.region,
                 country, region);
    assert_int_equal(found, country[0] != '\0');
}

static const struct {
    const char *address, *country, *region;
} city[] = {
    {"81.2.69.160", "GB", "GB-ENG"},
    {"198.51.100.0", "DE", "DE-BY"},
    {"198.51.100.127", "DE", "DE-BY"},
    {"198.51.100.128", "DE", "DE-BE"},
    {"198.51.100.129", "AT", "AT-9"},
    {"198.51.100.130", "DE", "DE-BE"},
    {"198.51.101.0", "", ""},
    {"2001:db8:1::", "US", "US-CA"},
    {"2001:db8:1:ffff:ffff:ffff:ffff:ffff", "US", "US-CA"},
    {"2001:db8:2::1", "FR", "FR-75C"},
    {"2001:db8:2::2", "", ""},
    {"203.0.113.9", "FR", ""},
    /* nobody's */
    {"127.0.0.1", "", ""},
    {"10.1.2.3", "", ""},
    {"192.168.0.1", "", ""},
    {"::1", "", ""},
    {"::", "", ""}, /* the peer of a unix socket */
    {"0.0.0.0", "", ""},
    {"9.255.255.255", "NZ", ""},
    {"10.0.0.0", "", ""},
    {"10.255.255.255", "", ""},
    {"11.0.0.0", "NZ", ""},
    {"100.63.255.255", "NZ", ""},
    {"100.64.0.0", "", ""},
    {"100.127.255.255", "", ""},
    {"100.128.0.0", "NZ", ""},
    {"126.255.255.255", "NZ", ""},
    {"127.255.255.255", "", ""},
    {"128.0.0.0", "NZ", ""},
    {"169.253.255.255", "NZ", ""},
    {"169.254.1.1", "", ""},
    {"169.255.0.0", "NZ", ""},
    {"172.15.255.255", "NZ", ""},
    {"172.16.0.0", "", ""},
    {"172.31.255.255", "", ""},
    {"172.32.0.0", "NZ", ""},
    {"192.167.255.255", "NZ", ""},
    {"192.168.255.255", "", ""},
    {"192.169.0.0", "NZ", ""},
    {"223.255.255.255", "NZ", ""},
    {"224.0.0.0", "", ""},
    {"255.255.255.255", "", ""},
    {"fbff::1", "NZ", ""},
    {"fc00::", "", ""},
    {"fdff::1", "", ""},
    {"fe7f::1", "NZ", ""},
    {"fe80::1", "", ""},
    {"febf::1", "", ""},
    {"fec0::1", "NZ", ""},
    {"ff02::1", "", ""},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "", ""},
    /* records that tell less, or something else */
    {"192.0.2.1", "", ""},
    {"192.0.2.17", "", ""},
    {"192.0.2.33", "", ""},
    {"192.0.2.49", "", ""},
    {"192.0.2.65", "", ""},
    {"192.0.2.81", "DE", ""},
    {"192.0.2.97", "DE", ""},
    {"192.0.2.113", "DE", ""},
    {"192.0.2.129", "DE", ""},
    {"192.0.2.145", "", ""},
    {"192.0.2.161", "IT", ""},
    {"192.0.2.177", "", ""},
    {"192.0.2.193", "", ""},
};

/* Twice, and backwards: what one record had is only where the next is looked at first. */
static void test_places_of_a_city_file(void **state)
{
    const size_t count = sizeof(city) / sizeof(*city);
    struct geo *geo = open_good(DATA "city.mmdb");
    (void)state;
    for (size_t i = 0; i < count; i++)
        assert_place(geo, city[i].address, city[i].country, city[i].region);
    for (size_t i = count; i-- > 0;)
        assert_place(geo, city[i].address, city[i].country, city[i].region);
    geo_close(geo);
    geo_close(NULL);
}

static void test_flat_files(void **state)
{
    struct geo *geo = open_good(DATA "country_code.mmdb");
    (void)state;
    assert_place(geo, "198.51.100.1", "DE", "");
    assert_place(geo, "2001:db8::1", "JP", "");
    assert_place(geo, "192.0.2.1", "", "");
    geo_close(geo);
    geo = open_good(DATA "country.mmdb");
    assert_place(geo, "198.51.100.1", "DE", "");
    assert_place(geo, "2001:db8::1", "", ""); /* a file of IPv4 alone */
    geo_close(geo);
}

static void assert_refused(const char *path, const char *reason)
{
    struct err err = {0};
    struct geo *geo = geo_open(path, &err);
    if (geo)
        fail_msg("%s was taken", path);
    if (!strstr(err.text, path) || !strstr(err.text, reason))
        fail_msg("%s: \"%s\" does not say \"%s\"", path, err.text, reason);
}

static void test_bad_files_are_refused_with_a_reason(void **state)
{
    (void)state;
    assert_refused("/nonexistent/geo.mmdb", "No such file");
    assert_refused("tests/data", "not a file");
    assert_refused("/dev/null", "not a file");
    assert_refused("Makefile", "MaxMind's DB format");
    assert_refused(DATA "network.mmdb", "knows no countries (it says that it is Test-ASN)");
}

/* A pipe without a writer must not hold the start. */
static void test_a_pipe_is_refused(void **state)
{
    char path[] = "/tmp/masthead-geo-XXXXXX";
    (void)state;
    assert_int_equal(close(mkstemp(path)), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused(path, "not a file");
    assert_int_equal(unlink(path), 0);
}

/* Damage. Of a file that it refuses for its metadata the library leaves a few KiB behind (1.7.1).
 */

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libmaxminddb";
}

static size_t read_whole(const char *path, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    CHECK(fclose(file) == 0 && len > 0 && len < FILE_MAX);
    return len;
}

/* A file in memory: thousands of them on a disk would take their time. */
static int file_of(const uint8_t *bytes, size_t len, char *ret_path, size_t path_max)
{
    int fd = memfd_create("damaged", 0);
    CHECK(fd >= 0 && pwrite(fd, bytes, len, 0) == (ssize_t)len);
    (void)snprintf(ret_path, path_max, "/proc/self/fd/%d", fd);
    return fd;
}

static bool is_code(const char *text, size_t max)
{
    for (const char *c = text; *c; c++)
        if (!(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') && *c != '-')
            return false;
    return strlen(text) <= max;
}

/* Refused, or whatever it answers has the form of an answer. */
static void try_file(const uint8_t *bytes, size_t len)
{
    char path[32];
    int fd = file_of(bytes, len, path, sizeof(path));
    struct err err = {0};
    struct geo *geo = geo_open(path, &err);

    assert_int_equal(geo == NULL, err.text[0] != '\0');
    for (size_t i = 0; geo && i < sizeof(city) / sizeof(*city); i++) {
        struct net_ip ip = address(city[i].address);
        struct geo_place place;
        (void)geo_find(geo, &ip, &place);
        assert_true(is_code(place.country, 2) && is_code(place.region, 6));
    }
    geo_close(geo);
    assert_int_equal(close(fd), 0);
}

static void test_damaged_files_do_no_harm(void **state)
{
    static uint8_t bytes[FILE_MAX];
    static const uint8_t damages[] = {0x01, 0x80, 0xff};
    size_t len = read_whole(DATA "city.mmdb", bytes);
    (void)state;
    for (size_t at = 0; at < len; at++) {
        uint8_t before = bytes[at];
        bytes[at] ^= damages[at % sizeof(damages)];
        try_file(bytes, len);
        bytes[at] = before;
    }
    for (size_t cut = 0; cut < len; cut++)
        try_file(bytes, cut);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_of_a_city_file),
        cmocka_unit_test(test_flat_files),
        cmocka_unit_test(test_bad_files_are_refused_with_a_reason),
        cmocka_unit_test(test_a_pipe_is_refused),
        cmocka_unit_test(test_damaged_files_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
