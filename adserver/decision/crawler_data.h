/*
 * crawler_data: what is known of crawlers, as scripts/crawlers.mjs writes it at build time from two
 * npm packages (package.json names their versions).
 */
#ifndef DECISION_CRAWLER_DATA_H
#define DECISION_CRAWLER_DATA_H

#include <stdbool.h>
#include <stddef.h>

/* The judge: who matches one of these, in whatever case, is no person with a browser. */
extern const char *const crawler_patterns[];
extern const size_t crawler_pattern_count;

/* What a crawler is called. Where several match, the one that stands first. */
struct crawler_name {
    const char *name;    /* 1 to 64 of A-Z a-z 0-9 blank . _ ! + - */
    const char *pattern; /* in this case alone */
    bool is_text;        /* the pattern is what it looks for, of at least 3 bytes */
    bool is_library;     /* curl and its like: a program without a purpose of its own */
};
extern const struct crawler_name crawler_names[];
extern const size_t crawler_name_count;

#endif
