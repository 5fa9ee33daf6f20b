/*
 * slice: a run of bytes that somebody else owns.
 *
 * A slice never allocates and never frees; it is valid exactly as long as the memory it was cut
 * from. It need not end in NUL and may contain NUL. The empty slice may have a NULL pointer.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* For printf's "%.*s": the two arguments that print a slice. */
#define SLICE_ARGS(s) (int)(s).len, (s).len ? (s).ptr : ""

/* A slice of a string literal, without its NUL; also as a constant initializer. */
/* clang-format off */
#define SLICE(literal)      ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_INIT(literal) {(literal), sizeof(literal) - 1}
/* clang-format on */

static inline struct slice slice_of(const char *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

/* `text` ends in NUL; NULL gives the empty slice. */
static inline struct slice slice_cstr(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* All of `s` from byte `from` on; `from` may be past the end, which gives the empty slice. */
static inline struct slice slice_from(struct slice s, size_t from)
{
    if (from >= s.len)
        return (struct slice){s.len ? s.ptr + s.len : s.ptr, 0};
    return (struct slice){s.ptr + from, s.len - from};
}

/* ASCII letters compare equal in either case; other bytes compare as they are. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Order of bytes, a shorter slice before a longer one it begins. For qsort and bsearch. */
int slice_compare(struct slice a, struct slice b);

/* Position of the first `byte`, or `s.len` where there is none. */
size_t slice_find(struct slice s, char byte);

/* Without leading and trailing spaces and tabs. */
struct slice slice_trim(struct slice s);

/*
 * Cuts the part up to the next `separator` off the front of `*rest` into `*ret_part`. Returns false
 * when nothing is left. "a,,b" gives "a", "", "b"; "" gives nothing; "a," gives "a", "".
 * The walk is over once `rest->ptr` is NULL.
 */
bool slice_next(struct slice *rest, char separator, struct slice *ret_part);

/*
 * A whole number in decimal digits alone: no sign, no blanks, at least one digit, at most `max`.
 * Returns false, `*ret` untouched, for anything else.
 */
bool slice_to_u64(struct slice s, uint64_t max, uint64_t *ret);

#endif
