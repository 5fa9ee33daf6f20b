#include "store/redis_slots.h"

#include <stdio.h>

/* ---- Keys ---- */

#define CRC16_POLYNOMIAL 0x1021u /* XMODEM: x^16 + x^12 + x^5 + 1, beginning with 0 */

static uint16_t crc_of_byte(unsigned byte)
{
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; bit++)
        crc = crc & 0x8000u ? (crc << 1) ^ CRC16_POLYNOMIAL : crc << 1;
    return (uint16_t)crc;
}

static uint16_t crc16(struct slice bytes)
{
    static uint16_t table[256];
    uint16_t crc = 0;
    if (table[1] == 0) {
        for (unsigned byte = 0; byte < 256; byte++)
            table[byte] = crc_of_byte(byte);
    }
    for (size_t i = 0; i < bytes.len; i++)
        crc = (uint16_t)(crc << 8) ^ table[(crc >> 8) ^ (unsigned char)bytes.ptr[i]];
    return crc;
}

unsigned redis_slot_of(struct slice key)
{
    size_t open = slice_find(key, '{');
    struct slice tag = slice_from(key, open + 1);
    size_t close = slice_find(tag, '}');
    if (open < key.len && close > 0 && close < tag.len)
        key = slice_of(tag.ptr, close);
    return crc16(key) % REDIS_SLOTS;
}

bool redis_key_of(const struct slice *args, unsigned count, struct slice *ret)
{
    static const struct slice keyless[] = {
        SLICE_INIT("PING"),    SLICE_INIT("CLIENT"), SLICE_INIT("CONFIG"),  SLICE_INIT("INFO"),
        SLICE_INIT("CLUSTER"), SLICE_INIT("ROLE"),   SLICE_INIT("COMMAND"), SLICE_INIT("SCRIPT"),
        SLICE_INIT("MULTI"),   SLICE_INIT("EXEC"),   SLICE_INIT("DISCARD"), SLICE_INIT("UNWATCH"),
        SLICE_INIT("WAIT"),    SLICE_INIT("TIME"),
    };
    unsigned at = slice_eq(args[0], SLICE("EVAL")) || slice_eq(args[0], SLICE("EVALSHA")) ? 3 : 1;
    for (size_t i = 0; i < sizeof keyless / sizeof *keyless; i++) {
        if (slice_eq(args[0], keyless[i]))
            return false;
    }
    if (at >= count)
        return false;
    *ret = args[at];
    return true;
}

/* ---- CLUSTER SLOTS ---- */

static bool set_place(struct slice host, uint64_t port, const char *asked, struct redis_place *ret)
{
    if (host.len == 0 || slice_eq(host, SLICE("?")))
        host = slice_cstr(asked);
    if (host.len == 0 || host.len >= sizeof ret->host || memchr(host.ptr, '\0', host.len) ||
        port == 0 || port > 65535)
        return false;
    memcpy(ret->host, host.ptr, host.len);
    ret->host[host.len] = '\0';
    ret->port = (int)port;
    return true;
}

/* 1 + the place among the primaries, added where it is new; 0: there are too many. */
static uint16_t number_of(struct redis_slots *slots, const struct redis_place *place)
{
    for (unsigned i = 0; i < slots->count; i++) {
        const struct redis_place *known = &slots->primaries[i];
        if (known->port == place->port && strcmp(known->host, place->host) == 0)
            return (uint16_t)(i + 1);
    }
    if (slots->count == REDIS_SERVERS_MAX)
        return 0;
    slots->primaries[slots->count++] = *place;
    return (uint16_t)slots->count;
}

static bool is_slot(const struct redis_reply *reply)
{
    return reply->type == REDIS_INTEGER && reply->integer >= 0 && reply->integer < REDIS_SLOTS;
}

/* [first, last, [host, port, …], …]: the primary stands before its replicas. */
static const char *read_range(const struct redis_reply *range, const char *asked,
                              struct redis_slots *ret)
{
    struct redis_place place;
    if (range->type != REDIS_ARRAY || range->count < 3 || !is_slot(&range->items[0]) ||
        !is_slot(&range->items[1]) || range->items[0].integer > range->items[1].integer)
        return "a range of slots is none";
    const struct redis_reply *primary = &range->items[2];
    if (primary->type != REDIS_ARRAY || primary->count < 2 ||
        primary->items[1].type != REDIS_INTEGER || primary->items[1].integer < 0 ||
        !set_place(primary->items[0].text, (uint64_t)primary->items[1].integer, asked, &place))
        return "a server has no address";
    uint16_t number = number_of(ret, &place);
    if (number == 0)
        return "more than 256 primaries";
    for (int64_t slot = range->items[0].integer; slot <= range->items[1].integer; slot++)
        ret->holder[slot] = number;
    return NULL;
}

const char *redis_slots_read(const struct redis_reply *reply, const char *asked,
                             struct redis_slots *ret)
{
    memset(ret, 0, sizeof *ret);
    if (reply->type != REDIS_ARRAY)
        return "it does not answer as a cluster";
    for (size_t i = 0; i < reply->count; i++) {
        const char *why = read_range(&reply->items[i], asked, ret);
        if (why)
            return why;
    }
    return ret->count > 0 ? NULL : "nobody holds any slots yet";
}

/* ---- Redirections and CLUSTER INFO ---- */

bool redis_redirect_read(struct slice text, const char *asked, unsigned *ret_slot,
                         struct redis_place *ret)
{
    struct slice word, number;
    uint64_t slot, port;
    if (!slice_next(&text, ' ', &word) || !slice_next(&text, ' ', &number) ||
        !slice_to_u64(number, REDIS_SLOTS - 1, &slot))
        return false;
    size_t colon = text.len; /* the last one: an address may hold more */
    for (size_t i = 0; i < text.len; i++)
        colon = text.ptr[i] == ':' ? i : colon;
    if (!slice_to_u64(slice_from(text, colon + 1), 65535, &port) ||
        !set_place(slice_of(text.ptr, colon), port, asked, ret))
        return false;
    *ret_slot = (unsigned)slot;
    return true;
}

/* Lines of "name:value". */
static struct slice info_value(struct slice info, struct slice name)
{
    struct slice line;
    while (slice_next(&info, '\n', &line)) {
        if (!slice_starts(line, name))
            continue;
        struct slice value = slice_from(line, name.len);
        value.len = slice_find(value, '\r');
        return value;
    }
    return SLICE("");
}

uint64_t redis_cluster_epoch(struct slice info)
{
    uint64_t epoch = 0;
    (void)slice_to_u64(info_value(info, SLICE("cluster_current_epoch:")), UINT64_MAX, &epoch);
    return epoch;
}

bool redis_cluster_is_ok(struct slice info)
{
    return slice_eq(info_value(info, SLICE("cluster_state:")), SLICE("ok"));
}
