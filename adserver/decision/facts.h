/*
 * facts: what targeting asks about a page and its viewer, as plain data.
 *
 * Whoever asks for a decision fills them in (serve/facts.c from a request, explain from a
 * description, forecast from its log). A fact that is not known (country, region, device, browser,
 * system, language, and the page's domain and path) satisfies no rule about it, neither one that
 * includes nor one that excludes: rules fail closed. Lists (keywords, key-values) and the referrer
 * are known also where they are empty: nothing there matches, so rules that only exclude hold.
 */
#ifndef DECISION_FACTS_H
#define DECISION_FACTS_H

#include "base/slice.h"

#define FACTS_KEYWORDS_MAX   64
#define FACTS_KEY_VALUES_MAX 32

/* The words of the targeting fields, in the order of their tables in targeting_forms.c. */
enum device { DEVICE_UNKNOWN, DEVICE_DESKTOP, DEVICE_MOBILE, DEVICE_TABLET, DEVICE_COUNT };
enum browser {
    BROWSER_UNKNOWN,
    BROWSER_CHROME,
    BROWSER_EDGE,
    BROWSER_FIREFOX,
    BROWSER_OPERA,
    BROWSER_SAFARI,
    BROWSER_SAMSUNG,
    BROWSER_OTHER, /* known not to be one of these */
    BROWSER_COUNT
};
enum system {
    SYSTEM_UNKNOWN,
    SYSTEM_ANDROID,
    SYSTEM_CHROMEOS,
    SYSTEM_IOS, /* iPadOS too */
    SYSTEM_LINUX,
    SYSTEM_MACOS,
    SYSTEM_WINDOWS,
    SYSTEM_OTHER,
    SYSTEM_COUNT
};

struct fact_pair {
    struct slice name, value;
};

struct page_facts {
    struct slice domain;   /* host of the page, lower case */
    struct slice path;     /* of the page's address: from `/` up to `?` or `#` */
    struct slice referrer; /* host of the page before, lower case; empty: none */
    struct slice country;  /* ISO 3166-1, "DE" */
    struct slice region;   /* ISO 3166-2, "DE-BY" */
    struct slice language; /* the one the viewer prefers, BCP 47 as sent: "pt-BR" */
    enum device device;
    enum browser browser;
    enum system system;
    struct slice keywords[FACTS_KEYWORDS_MAX]; /* trimmed, none empty; compared without case */
    unsigned keyword_count;
    struct fact_pair key_values[FACTS_KEY_VALUES_MAX]; /* a name may stand there more than once */
    unsigned key_value_count;
};

#endif
