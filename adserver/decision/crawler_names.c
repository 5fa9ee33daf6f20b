#include "decision/crawler_names.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/pcre.h"

#define BEGINNING 3 /* bytes of a text by which its bucket is found */
#define BUCKETS   4096
#define NONE      UINT16_MAX

struct crawler_names {
    uint16_t first[BUCKETS]; /* the text that stands first in the table */
    uint16_t *next;          /* of each: the next in its bucket */
    struct pcre **patterns;  /* of each; NULL: it is a text */
    uint16_t *asked;         /* those that are patterns */
    size_t asked_count;
};

static size_t bucket_of(const char *text)
{
    uint32_t beginning = (uint32_t)(uint8_t)text[0] | (uint32_t)(uint8_t)text[1] << 8 |
                         (uint32_t)(uint8_t)text[2] << 16;
    return (beginning * UINT32_C(2654435761)) >> 20;
}

static void add_pattern(struct crawler_names *names, size_t at)
{
    struct err err;
    names->patterns[at] = pcre_new(slice_cstr(crawler_names[at].pattern), false, &err);
    CHECK(names->patterns[at] != NULL); /* the tests compile them all */
    names->asked[names->asked_count++] = (uint16_t)at;
}

static void add_text(struct crawler_names *names, size_t at)
{
    uint16_t *first = &names->first[bucket_of(crawler_names[at].pattern)];
    names->next[at] = *first;
    *first = (uint16_t)at;
}

/* From the last to the first, so that each bucket is in the order of the table. */
struct crawler_names *crawler_names_new(void)
{
    struct crawler_names *names = check_calloc(1, sizeof *names);
    CHECK(crawler_name_count < NONE);
    memset(names->first, 0xff, sizeof names->first);
    names->next = check_calloc(crawler_name_count, sizeof *names->next);
    names->patterns = check_calloc(crawler_name_count, sizeof *names->patterns);
    names->asked = check_calloc(crawler_name_count, sizeof *names->asked);
    for (size_t at = crawler_name_count; at-- > 0;) {
        if (crawler_names[at].is_text)
            add_text(names, at);
        else
            add_pattern(names, at);
    }
    return names;
}

void crawler_names_free(struct crawler_names *names)
{
    if (!names)
        return;
    for (size_t at = 0; at < crawler_name_count; at++)
        pcre_free(names->patterns[at]);
    free(names->patterns);
    free(names->next);
    free(names->asked);
    free(names);
}

/* The first text that begins here and stands before `best` in the table; or `best`. */
static size_t find_here(const struct crawler_names *names, struct slice rest, size_t best)
{
    for (size_t at = names->first[bucket_of(rest.ptr)]; at < best; at = names->next[at])
        if (slice_starts(rest, slice_cstr(crawler_names[at].pattern)))
            return at;
    return best;
}

const struct crawler_name *crawler_names_find(const struct crawler_names *names, struct slice agent)
{
    size_t best = crawler_name_count;
    for (size_t from = 0; from + BEGINNING <= agent.len; from++)
        best = find_here(names, slice_from(agent, from), best);
    for (size_t i = 0; i < names->asked_count; i++)
        if (names->asked[i] < best && pcre_matches(names->patterns[names->asked[i]], agent))
            best = names->asked[i];
    return best < crawler_name_count ? &crawler_names[best] : NULL;
}
