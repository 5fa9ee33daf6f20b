/*
 * targeting_forms: what the items of the targeting fields look like, and what they mean.
 */
#ifndef DECISION_TARGETING_FORMS_H
#define DECISION_TARGETING_FORMS_H

#include "decision/list.h"

#define KEYWORD_MAX    128 /* bytes of a keyword or a key-value's value */
#define PATH_MAX_BYTES 1024
#define LANGUAGE_MAX   35 /* RFC 5646, section 4.4.1 */

/* The lists' forms, and a phrase for each that says what is allowed. */
extern const struct list_form countries_form;
extern const struct list_form regions_form;
extern const struct list_form devices_form;
extern const struct list_form browsers_form;
extern const struct list_form systems_form;
extern const struct list_form languages_form;
extern const struct list_form hosts_form; /* also a slot's domains */
extern const struct list_form paths_form;
extern const struct list_form keywords_form; /* also a key-value's values */
extern const struct list_form hours_form;
extern const struct list_form labels_form;

/* Words of the lists, NULL at the end; the one in place i is i + 1 in facts.h's enum. */
extern const char *const device_words[];
extern const char *const browser_words[];
extern const char *const system_words[];

#define COUNTRIES_ALLOWED "two-letter codes of ISO 3166-1 in capitals, such as DE; !DE excludes"
#define REGIONS_ALLOWED   "codes of ISO 3166-2 in capitals, such as DE-BY; !DE-BY excludes"
#define DEVICES_ALLOWED   "desktop, mobile, tablet; !mobile excludes"
#define BROWSERS_ALLOWED  "chrome, edge, firefox, opera, safari, samsung, other; !safari excludes"
#define SYSTEMS_ALLOWED   "android, chromeos, ios, linux, macos, windows, other; !linux excludes"
#define LANGUAGES_ALLOWED "language tags of BCP 47, such as de or pt-BR; !de excludes"
#define HOSTS_ALLOWED                                                                              \
    "host names in lower case without scheme, port or path, international ones in punycode; what " \
    "is below a name is meant as well; !example.com excludes"
#define PATHS_ALLOWED                                                                         \
    "globs that begin with / or *, in printable ASCII without blanks, at most 1024 bytes; * " \
    "stands for any bytes, ? for one, and between two * what holds a ? is at most 64 bytes; " \
    "!/archive/* excludes"
#define KEYWORDS_ALLOWED "texts of at most 128 bytes, compared without case; !x excludes"
#define KEY_VALUES_ALLOWED                                                                         \
    "kv.<name> with a name of at most 32 letters, digits, `.`, `_` and `-`, and texts of at most " \
    "128 bytes; !x excludes"
#define HOURS_ALLOWED \
    "such as mon-fri 09-18, sat 22-02 or 09-18; days sun to sat, hours 00 to 24; !sun 00-24 excludes"
#define LABELS_ALLOWED "labels of at most 32 letters, digits, `.`, `_` and `-`"

#endif
