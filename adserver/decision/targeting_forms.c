#include "decision/targeting_forms.h"

#include "decision/country.h"
#include "decision/glob.h"
#include "decision/hours.h"
#include "decision/text.h"

#define REGION_PART_MAX    3
#define LANGUAGE_PART_MAX  8
#define LANGUAGE_FIRST_MIN 2

const char *const device_words[] = {"desktop", "mobile", "tablet", NULL};
const char *const browser_words[] = {"chrome", "edge",    "firefox", "opera",
                                     "safari", "samsung", "other",   NULL};
const char *const system_words[] = {"android", "chromeos", "ios",   "linux",
                                    "macos",   "windows",  "other", NULL};

static bool country_is_valid(struct slice item)
{
    return country_number(item) != 0;
}

static bool region_is_valid(struct slice item)
{
    struct slice part = slice_from(item, sizeof "DE-" - 1);
    if (part.len < 1 || part.len > REGION_PART_MAX || item.ptr[2] != '-')
        return false;
    for (size_t i = 0; i < part.len; i++) {
        if (!is_upper(part.ptr[i]) && !is_digit(part.ptr[i]))
            return false;
    }
    return country_is_valid(slice_of(item.ptr, 2));
}

static bool device_is_valid(struct slice item)
{
    unsigned ignored;
    return word_find(item, device_words, &ignored);
}

static bool browser_is_valid(struct slice item)
{
    unsigned ignored;
    return word_find(item, browser_words, &ignored);
}

static bool system_is_valid(struct slice item)
{
    unsigned ignored;
    return word_find(item, system_words, &ignored);
}

static bool language_part_is_valid(struct slice part, bool first)
{
    for (size_t i = 0; i < part.len; i++) {
        char c = part.ptr[i];
        if (!is_upper(c) && !is_lower(c) && (first || !is_digit(c)))
            return false;
    }
    return part.len >= (first ? LANGUAGE_FIRST_MIN : 1) && part.len <= LANGUAGE_PART_MAX;
}

static bool language_is_valid(struct slice item)
{
    struct slice part;
    bool first = true;
    if (item.len < 1 || item.len > LANGUAGE_MAX)
        return false;
    while (slice_next(&item, '-', &part)) {
        if (!language_part_is_valid(part, first))
            return false;
        first = false;
    }
    return true;
}

static bool path_is_valid(struct slice item)
{
    if (item.len < 1 || item.len > PATH_MAX_BYTES || (item.ptr[0] != '/' && item.ptr[0] != '*'))
        return false;
    for (size_t i = 0; i < item.len; i++) {
        if (item.ptr[i] <= 0x20 || item.ptr[i] >= 0x7f)
            return false;
    }
    return glob_is_valid(item);
}

static bool keyword_is_valid(struct slice item)
{
    struct err ignored;
    return item.len >= 1 && item.len <= KEYWORD_MAX && text_is_clean(item, TEXT_LINE, &ignored);
}

static bool hours_are_valid(struct slice item)
{
    struct hours ignored = {{0}};
    return hours_add(&ignored, item);
}

const struct list_form countries_form = {"a country", country_is_valid, true};
const struct list_form regions_form = {"a region", region_is_valid, true};
const struct list_form devices_form = {"a device", device_is_valid, true};
const struct list_form browsers_form = {"a browser", browser_is_valid, true};
const struct list_form systems_form = {"an operating system", system_is_valid, true};
const struct list_form languages_form = {"a language", language_is_valid, true};
const struct list_form hosts_form = {"a host name", host_is_valid, true};
const struct list_form paths_form = {"a path", path_is_valid, true};
const struct list_form keywords_form = {"a text that is allowed", keyword_is_valid, true};
const struct list_form hours_form = {"a time of the week", hours_are_valid, true};
const struct list_form labels_form = {"a label", label_is_valid, false};
