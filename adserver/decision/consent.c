#include "decision/consent.h"

#include <stdint.h>

#include "base/base64url.h"

/* Bit positions in the core segment, counted from its first, most significant bit. */
#define TCF_VERSION_BITS      6
#define TCF_VERSION           2
#define TCF_PURPOSE_1_CONSENT 152

bool consent_allows_storage(struct slice consent)
{
    /* The fixed part of the core segment; whole groups of 4 characters, so that any cut decodes. */
    enum { HEAD_CHARS = 28, HEAD_BYTES = 21 };
    uint8_t bytes[HEAD_BYTES];
    size_t len;

    if (consent.len == 0)
        return true;
    if (consent.len < HEAD_CHARS || consent.len > CONSENT_MAX)
        return false;
    if (!base64url_decode(slice_of(consent.ptr, HEAD_CHARS), bytes, sizeof(bytes), &len))
        return false;
    if (bytes[0] >> (8 - TCF_VERSION_BITS) != TCF_VERSION)
        return false;
    return bytes[TCF_PURPOSE_1_CONSENT / 8] >> (7 - TCF_PURPOSE_1_CONSENT % 8) & 1;
}
