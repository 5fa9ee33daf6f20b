#include "store/spool_checksum.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* 0x1edc6f41 with its bits in reverse */
#define STRIDE     8

/*
 * tables[0][b] is what byte b leaves in the register; tables[n][b] what it leaves there n bytes
 * later. So the eight bytes of a stride are looked up side by side and added.
 */
static uint32_t tables[STRIDE][256];

static void make_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t sum = byte;
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
        tables[0][byte] = sum;
    }
    for (unsigned n = 1; n < STRIDE; n++)
        for (unsigned byte = 0; byte < 256; byte++)
            tables[n][byte] = tables[n - 1][byte] >> 8 ^ tables[0][tables[n - 1][byte] & 0xff];
}

static uint32_t add_stride(uint32_t sum, const unsigned char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    word = le64toh(word) ^ sum;
    sum = 0;
    for (unsigned n = 0; n < STRIDE; n++)
        sum ^= tables[STRIDE - 1 - n][word >> 8 * n & 0xff];
    return sum;
}

uint32_t spool_checksum(uint32_t sum, const void *bytes, size_t len)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const unsigned char *at = bytes;
    CHECK(pthread_once(&once, make_tables) == 0);
    sum = ~sum;
    for (; len >= STRIDE; at += STRIDE, len -= STRIDE)
        sum = add_stride(sum, at);
    for (; len > 0; at++, len--)
        sum = sum >> 8 ^ tables[0][(sum ^ *at) & 0xff];
    return ~sum;
}
