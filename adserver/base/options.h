/*
 * options: the configuration, from one table (options.def) to one struct.
 *
 * Sources, each overriding the one before: the table's defaults, the INI file, the environment
 * (ADSERVER_<SECTION>_<KEY>), `-o section.key=value`. An unknown section or key is a mistake. A
 * struct options is immutable once loaded; a reload makes a new one and drops the old.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/slice.h"

#define OPTIONS_FILE_MAX  262144 /* bytes of a configuration file */
#define OPTIONS_VALUE_MAX 4096   /* bytes of one value */

struct options {
    /* One member a row, named section_key: texts are owned by the struct, never NULL. */
#define OPTION_TEXT(section, key, preset, help)               char *section##_##key;
#define OPTION_CHOICE(section, key, preset, choices, help)    int section##_##key;
#define OPTION_NUMBER(section, key, preset, min, max, help)   int64_t section##_##key;
#define OPTION_DURATION(section, key, preset, min, max, help) int64_t section##_##key##_in_ms;
#include "base/options.def"
#undef OPTION_TEXT
#undef OPTION_CHOICE
#undef OPTION_NUMBER
#undef OPTION_DURATION
};

struct options_override {
    const char *text; /* "section.key=value", from the command line */
};

/*
 * Reads `path` (NULL: no file), then `environment` (as environ; NULL: none), then the overrides.
 * Only the form of each value is checked here (numbers, durations, choices); whoever uses a text
 * checks its meaning. On a mistake fills `err` ("FILE:LINE: section.key", what is wrong, what is
 * allowed) and returns NULL. The caller frees the result with options_free().
 */
struct options *options_load(const char *path, char *const *environment,
                             const struct options_override *overrides, size_t override_count,
                             struct err *err);
void options_free(struct options *options);

/*
 * Where the value of `name` ("server.workers") came from, for err_at(): the file and line, the
 * variable or the `-o`, each with the option's name; the name alone where nobody set it. For
 * options of options_load() only; valid as long as they are.
 */
const char *options_where(const struct options *options, const char *name);

/* What `adserver -h` prints of the options: key, default, help. */
void options_print_help(FILE *to);

/* config/adserver.conf and the manual page's option list, from the table. */
void options_print_sample(FILE *to);
void options_print_manual(FILE *to);

/* "90s", "24h", "50ms", "7d"; a bare number is in `bare_unit_ms`. False when it is not one. */
bool options_parse_duration(struct slice text, int64_t bare_unit_ms, int64_t *ret_ms);

#endif
