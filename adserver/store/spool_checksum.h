/*
 * spool_checksum: CRC-32C (Castagnoli; RFC 3720 appendix B.4), in tables of eight bytes at a time.
 */
#ifndef STORE_SPOOL_CHECKSUM_H
#define STORE_SPOOL_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of what `sum` is of and then of `bytes`; 0 is the checksum of nothing. */
uint32_t spool_checksum(uint32_t sum, const void *bytes, size_t len);

#endif
