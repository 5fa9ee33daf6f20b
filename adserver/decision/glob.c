#include "decision/glob.h"

#include "base/check.h"

#define NOWHERE SIZE_MAX

static bool has_wild(struct slice part)
{
    return slice_find(part, '?') < part.len;
}

bool glob_is_valid(struct slice glob)
{
    size_t star = slice_find(glob, '*');
    for (struct slice rest = slice_from(glob, star + 1);; rest = slice_from(rest, star + 1)) {
        star = slice_find(rest, '*');
        if (star == rest.len)
            return true;
        if (star > GLOB_PART_MAX && has_wild(slice_of(rest.ptr, star)))
            return false;
    }
}

/* The part, without `*`, at the very beginning of the text. */
static bool begins(struct slice text, struct slice part)
{
    if (part.len > text.len)
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] != text.ptr[i] && part.ptr[i] != '?')
            return false;
    }
    return true;
}

/*
 * All places at once: bit i of `found` says that the part's first i + 1 bytes end at this byte of
 * the text.
 */
static size_t find_wild(struct slice text, struct slice part)
{
    uint64_t places[UINT8_MAX + 1] = {0}, any = 0, found = 0;
    CHECK(part.len >= 1 && part.len <= GLOB_PART_MAX);
    for (size_t i = 0; i < part.len; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if (part.ptr[i] == '?')
            any |= bit;
        else
            places[(unsigned char)part.ptr[i]] |= bit;
    }
    for (size_t i = 0; i < text.len; i++) {
        found = (found << 1 | 1) & (places[(unsigned char)text.ptr[i]] | any);
        if (found >> (part.len - 1) & 1)
            return i + 1 - part.len;
    }
    return NOWHERE;
}

static size_t find(struct slice text, struct slice part)
{
    if (part.len == 0)
        return 0;
    if (part.len > text.len)
        return NOWHERE;
    if (has_wild(part))
        return find_wild(text, part);
    const char *at = memmem(text.ptr, text.len, part.ptr, part.len);
    return at ? (size_t)(at - text.ptr) : NOWHERE;
}

/* The glob from behind its first `*` on. */
static bool floats(struct slice glob, struct slice text)
{
    for (;;) {
        size_t star = slice_find(glob, '*');
        if (star == glob.len)
            return glob.len <= text.len && begins(slice_from(text, text.len - glob.len), glob);
        size_t at = find(text, slice_of(glob.ptr, star));
        if (at == NOWHERE)
            return false;
        text = slice_from(text, at + star);
        glob = slice_from(glob, star + 1);
    }
}

bool glob_matches(struct slice glob, struct slice text)
{
    size_t star = slice_find(glob, '*');
    if (!begins(text, slice_of(glob.ptr, star)))
        return false;
    if (star == glob.len)
        return text.len == glob.len;
    return floats(slice_from(glob, star + 1), slice_from(text, star));
}
