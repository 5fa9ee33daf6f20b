/*
 * options_table: options.def as rows, for the files that read and print options. Nobody else needs
 * it.
 */
#ifndef BASE_OPTIONS_TABLE_H
#define BASE_OPTIONS_TABLE_H

#include <stddef.h>

#include "base/options.h"
#include "base/strbuf.h"

enum option_kind {
    OPTION_KIND_TEXT,
    OPTION_KIND_CHOICE,
    OPTION_KIND_NUMBER,
    OPTION_KIND_DURATION,
};

struct options_row {
    const char *section, *key;
    enum option_kind kind;
    const char *preset;       /* all values as an operator would write them */
    const char *choices;      /* "a|b|c"; of a choice only */
    const char *least, *most; /* of numbers and durations only */
    const char *help;
    size_t offset; /* of the member in struct options */
};

enum option_number {
#define OPTION_TEXT(section, key, preset, help)               OPTION_##section##_##key,
#define OPTION_CHOICE(section, key, preset, choices, help)    OPTION_##section##_##key,
#define OPTION_NUMBER(section, key, preset, min, max, help)   OPTION_##section##_##key,
#define OPTION_DURATION(section, key, preset, min, max, help) OPTION_##section##_##key,
#include "base/options.def"
#undef OPTION_TEXT
#undef OPTION_CHOICE
#undef OPTION_NUMBER
#undef OPTION_DURATION
    OPTION_COUNT
};

extern const struct options_row options_table[OPTION_COUNT];

/* NULL when there is no such option. */
const struct options_row *options_find(struct slice section, struct slice key);

/* Says in `err->text` that there is none. Returns false, for `return`. */
bool options_refuse_name(struct err *err);

bool options_has_section(struct slice section);

/* Adds "server, redis, ...". */
void options_add_sections(struct strbuf *buf);

/* Adds "a number from 1 to 10" or "one of off, on"; nothing for a text. */
void options_add_allowed(struct strbuf *buf, const struct options_row *option);

/*
 * Sets one option. On a mistake false, with `err->text` filled; `where` ("adserver.conf:12:
 * server.workers") is remembered for options_where() and goes to `err->where`.
 */
bool options_set(struct options *options, const struct options_row *option, struct slice value,
                 const char *where, struct err *err);

/* Sets what an INI file says. */
bool options_read_file(struct options *options, const char *path, struct err *err);

#endif
