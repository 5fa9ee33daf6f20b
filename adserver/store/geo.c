#include "store/geo.h"

#include <errno.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"

#define PROBE_RECORDS 64   /* looked at for a country before a file is refused */
#define PROBE_NODES   4096 /* of the search tree, on the way to them */

struct geo {
    MMDB_s db;
    unsigned form; /* of `countries`, which the last record had: the next will have it too */
};

/* ---- Reading a record -------------------------------------------------------------------------
 */

static const char *const countries[][3] = {
    {"country", "iso_code", NULL},
    {"country_code", NULL},
    {"country", NULL},
};
#define FORMS (sizeof(countries) / sizeof(*countries))

static const char *const first_division[] = {"subdivisions", "0", "iso_code", NULL};

/* A text of `min` to `max` capitals (and digits, where allowed), with NUL behind it. */
static bool read_code(MMDB_entry_s *entry, const char *const *path, size_t min, size_t max,
                      bool digits, char *ret)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING || data.data_size < min || data.data_size > max)
        return false;
    for (size_t i = 0; i < data.data_size; i++) {
        char c = data.utf8_string[i];
        if (!(c >= 'A' && c <= 'Z') && !(digits && c >= '0' && c <= '9'))
            return false;
    }
    memcpy(ret, data.utf8_string, data.data_size);
    ret[data.data_size] = '\0';
    return true;
}

static bool read_country(struct geo *geo, MMDB_entry_s *entry, char *ret)
{
    for (unsigned i = 0; i < FORMS; i++) {
        unsigned form = (geo->form + i) % FORMS;
        if (read_code(entry, countries[form], GEO_COUNTRY_LEN, GEO_COUNTRY_LEN, false, ret)) {
            geo->form = form;
            return true;
        }
    }
    return false;
}

static bool read_place(struct geo *geo, MMDB_entry_s *entry, struct geo_place *ret)
{
    char *part = ret->region + GEO_COUNTRY_LEN + 1;

    if (!read_country(geo, entry, ret->country))
        return false;
    if (!read_code(entry, first_division, 1, GEO_PART_MAX, true, part))
        return true;
    memcpy(ret->region, ret->country, GEO_COUNTRY_LEN);
    ret->region[GEO_COUNTRY_LEN] = '-';
    return true;
}

/* ---- Finding it -------------------------------------------------------------------------------
 */

static bool is_mapped_ipv4(const struct net_ip *ip)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};
    return memcmp(ip->bytes, prefix, sizeof(prefix)) == 0;
}

/*
 * Addresses of nobody's place (RFC 6890): this host, private and shared ones, link-local,
 * multicast, reserved. Files made of registries' books have countries for some of them.
 */
static const struct {
    uint32_t network, mask;
} ipv4_placeless[] = {
    {0x00000000, 0xff000000}, /* 0.0.0.0/8 */
    {0x0a000000, 0xff000000}, /* 10.0.0.0/8 */
    {0x64400000, 0xffc00000}, /* 100.64.0.0/10 */
    {0x7f000000, 0xff000000}, /* 127.0.0.0/8 */
    {0xa9fe0000, 0xffff0000}, /* 169.254.0.0/16 */
    {0xac100000, 0xfff00000}, /* 172.16.0.0/12 */
    {0xc0a80000, 0xffff0000}, /* 192.168.0.0/16 */
    {0xe0000000, 0xe0000000}, /* 224.0.0.0/3 */
};

static bool is_placeless(const struct net_ip *ip)
{
    const uint8_t *b = ip->bytes;
    uint32_t ipv4 = (uint32_t)b[12] << 24 | (uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15];

    if (!is_mapped_ipv4(ip)) /* ::/8 with ::1, fc00::/7, fe80::/10, ff00::/8 */
        return b[0] == 0 || (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) ||
               b[0] == 0xff;
    for (size_t i = 0; i < sizeof(ipv4_placeless) / sizeof(*ipv4_placeless); i++)
        if ((ipv4 & ipv4_placeless[i].mask) == ipv4_placeless[i].network)
            return true;
    return false;
}

static MMDB_lookup_result_s look_up(struct geo *geo, const struct net_ip *ip, int *ret_error)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET};
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6};

    if (is_mapped_ipv4(ip)) {
        memcpy(&ipv4.sin_addr, ip->bytes + 12, sizeof(ipv4.sin_addr));
        return MMDB_lookup_sockaddr(&geo->db, (const struct sockaddr *)&ipv4, ret_error);
    }
    memcpy(&ipv6.sin6_addr, ip->bytes, sizeof(ipv6.sin6_addr));
    return MMDB_lookup_sockaddr(&geo->db, (const struct sockaddr *)&ipv6, ret_error);
}

bool geo_find(struct geo *geo, const struct net_ip *ip, struct geo_place *ret)
{
    int error = MMDB_SUCCESS;
    MMDB_lookup_result_s found;

    *ret = (struct geo_place){0};
    if (is_placeless(ip))
        return false;
    found = look_up(geo, ip, &error);
    if (error != MMDB_SUCCESS || !found.found_entry)
        return false;
    return read_place(geo, &found.entry, ret);
}

/* ---- Opening ----------------------------------------------------------------------------------
 */

/* The walk that looks for countries: depth first, with the nodes still to visit on a stack. */
struct probe {
    uint64_t nodes[129]; /* an address has 128 bits, and each level leaves one node behind */
    unsigned node_count;
    unsigned nodes_left, records_left;
};

static bool probe_side(struct geo *geo, struct probe *probe, uint8_t type, uint64_t node,
                       MMDB_entry_s *entry)
{
    struct geo_place place = {0};
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE && probe->node_count < 129)
        probe->nodes[probe->node_count++] = node;
    if (type != MMDB_RECORD_TYPE_DATA || probe->records_left == 0)
        return false;
    probe->records_left--;
    return read_place(geo, entry, &place);
}

/* Whether any of the first records has a country. */
static bool has_countries(struct geo *geo)
{
    struct probe probe = {
        .node_count = 1, .nodes_left = PROBE_NODES, .records_left = PROBE_RECORDS};
    MMDB_search_node_s node;

    while (probe.node_count > 0 && probe.nodes_left-- > 0 && probe.records_left > 0) {
        uint64_t number = probe.nodes[--probe.node_count];
        if (MMDB_read_node(&geo->db, (uint32_t)number, &node) != MMDB_SUCCESS)
            return false;
        if (probe_side(geo, &probe, node.right_record_type, node.right_record,
                       &node.right_record_entry) ||
            probe_side(geo, &probe, node.left_record_type, node.left_record,
                       &node.left_record_entry))
            return true;
    }
    return false;
}

/* Opening a pipe would wait for a writer. */
static bool check_file(const char *path, struct err *err)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return err_set(err, "%s: %s", err_quote(slice_cstr(path)), strerror(errno));
    if (!S_ISREG(status.st_mode))
        return err_set(err, "%s: not a file", err_quote(slice_cstr(path)));
    return true;
}

static bool map_file(const char *path, MMDB_s *ret, struct err *err)
{
    int code;
    errno = 0;
    code = MMDB_open(path, MMDB_MODE_MMAP, ret);
    if (code == MMDB_SUCCESS)
        return true;
    return err_set(err, "%s: %s, allowed is a country or city file in MaxMind's DB format",
                   err_quote(slice_cstr(path)),
                   code == MMDB_FILE_OPEN_ERROR && errno ? strerror(errno) : MMDB_strerror(code));
}

struct geo *geo_open(const char *path, struct err *err)
{
    struct geo *geo;
    MMDB_s db;

    if (!check_file(path, err) || !map_file(path, &db, err))
        return NULL;
    geo = check_calloc(1, sizeof(*geo));
    geo->db = db;
    if (has_countries(geo))
        return geo;
    (void)err_set(err, "%s: knows no countries (it says that it is %s)",
                  err_quote(slice_cstr(path)),
                  err_quote(slice_cstr(geo->db.metadata.database_type)));
    geo_close(geo);
    return NULL;
}

void geo_close(struct geo *geo)
{
    if (!geo)
        return;
    MMDB_close(&geo->db);
    free(geo);
}
