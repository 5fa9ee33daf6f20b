#include "base/utf8.h"

/* By the first byte's high bits: how long, which bits count, and the least value of that length. */
static const struct form {
    uint8_t mask, lead;
    uint8_t len;
    uint32_t least;
} forms[] = {
    {0x80, 0x00, 1, 0},
    {0xe0, 0xc0, 2, 0x80},
    {0xf0, 0xe0, 3, 0x800},
    {0xf8, 0xf0, 4, 0x10000},
};

static const struct form *form_of(uint8_t first)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if ((first & forms[i].mask) == forms[i].lead)
            return &forms[i];
    }
    return NULL;
}

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= 0xd800 && code_point <= 0xdfff;
}

size_t utf8_decode(struct slice s, uint32_t *ret_code_point)
{
    const uint8_t *bytes = (const uint8_t *)s.ptr;
    const struct form *form = s.len ? form_of(bytes[0]) : NULL;
    if (!form || form->len > s.len)
        return 0;

    uint32_t code_point = bytes[0] & (uint8_t)~form->mask;
    for (size_t i = 1; i < form->len; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        code_point = code_point << 6 | (bytes[i] & 0x3f);
    }
    if (code_point < form->least || code_point > 0x10ffff || is_surrogate(code_point))
        return 0;
    *ret_code_point = code_point;
    return form->len;
}

bool utf8_valid(struct slice s)
{
    uint32_t code_point;
    while (s.len > 0) {
        size_t len = utf8_decode(s, &code_point);
        if (len == 0)
            return false;
        s = slice_from(s, len);
    }
    return true;
}
