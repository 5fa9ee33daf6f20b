#include "decision/request_kind.h"

#include <stdio.h>

#define MARK (UINT32_C(1) << 31)

/* Letters of the country, seven bits each, behind them the device and the viewer. */
static uint32_t pack(struct slice country, unsigned device, bool has_viewer)
{
    uint32_t letters = 0;
    if (country.len == 2)
        letters = (uint32_t)(country.ptr[0] & 0x7f) << 7 | (uint32_t)(country.ptr[1] & 0x7f);
    return MARK | letters << 8 | (uint32_t)device << 1 | has_viewer;
}

uint32_t request_kind(const struct page_facts *facts, bool has_viewer)
{
    return pack(facts->country, facts->device, has_viewer);
}

struct slice request_kind_print(uint32_t kind, char ret[REQUEST_KIND_TEXT_MAX])
{
    char letters[] = {(char)(kind >> 15 & 0x7f), (char)(kind >> 8 & 0x7f), '\0'};
    (void)snprintf(ret, REQUEST_KIND_TEXT_MAX, "%s.%u.%u", letters, kind >> 1 & 0x7, kind & 1);
    return slice_cstr(ret);
}

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}

bool request_kind_read(struct slice text, uint32_t *ret)
{
    size_t dot = slice_find(text, '.');
    struct slice country = slice_of(text.ptr, dot), rest = slice_from(text, dot + 1);
    bool named = dot == 2 && is_letter(text.ptr[0]) && is_letter(text.ptr[1]);
    if ((!named && dot != 0) || rest.len != 3 || rest.ptr[1] != '.' || rest.ptr[0] < '0' ||
        rest.ptr[0] >= '0' + DEVICE_COUNT || (rest.ptr[2] != '0' && rest.ptr[2] != '1'))
        return false;
    *ret = pack(country, (unsigned)(rest.ptr[0] - '0'), rest.ptr[2] == '1');
    return true;
}
