#include "decision/targeting_forms.h"

#include "decision/text.h"

#define REGION_PART_MAX    3
#define LANGUAGE_PART_MAX  8
#define LANGUAGE_FIRST_MIN 2
#define HOUR_MAX           24

/* Assigned codes of ISO 3166-1 and XK, as Kosovo stands in location databases; sorted. */
static const char country_codes[] = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQ"
                                    "BRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCMCNCOCRCUCVCWCXCYCZDEDJDKDM"
                                    "DODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGS"
                                    "GTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQIRISITJEJMJOJPKEKGKHKIKMKN"
                                    "KPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQ"
                                    "MRMSMTMUMVMWMXMYMZNANCNENFNGNINLNONPNRNUNZOMPAPEPFPGPHPKPLPM"
                                    "PNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSV"
                                    "SXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTVTWTZUAUGUMUSUYUZVAVCVEVGVI"
                                    "VNVUWFWSXKYEYTZAZMZW";

static bool country_is_valid(struct slice item)
{
    if (item.len != 2)
        return false;
    for (const char *code = country_codes; *code; code += 2) {
        if (code[0] == item.ptr[0] && code[1] == item.ptr[1])
            return true;
    }
    return false;
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
    static const char *const words[] = {"desktop", "mobile", "tablet", NULL};
    unsigned ignored;
    return word_find(item, words, &ignored);
}

static bool browser_is_valid(struct slice item)
{
    static const char *const words[] = {"chrome", "edge",    "firefox", "opera",
                                        "safari", "samsung", "other",   NULL};
    unsigned ignored;
    return word_find(item, words, &ignored);
}

static bool system_is_valid(struct slice item)
{
    static const char *const words[] = {"android", "chromeos", "ios",   "linux",
                                        "macos",   "windows",  "other", NULL};
    unsigned ignored;
    return word_find(item, words, &ignored);
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
    return true;
}

static bool keyword_is_valid(struct slice item)
{
    struct err ignored;
    return item.len >= 1 && item.len <= KEYWORD_MAX && text_is_clean(item, TEXT_LINE, &ignored);
}

static bool day_is_valid(struct slice day)
{
    static const char *const words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
    unsigned ignored;
    return word_find(day, words, &ignored);
}

/* "mon" or "fri-sun", which may go round the week's end. */
static bool days_are_valid(struct slice days)
{
    size_t dash = slice_find(days, '-');
    return day_is_valid(slice_of(days.ptr, dash)) &&
           (dash == days.len || day_is_valid(slice_from(days, dash + 1)));
}

/* "09-18"; "22-02" ends on the next day. */
static bool span_is_valid(struct slice span)
{
    uint64_t from, to;
    return span.len == sizeof "09-18" - 1 && span.ptr[2] == '-' &&
           slice_to_u64(slice_of(span.ptr, 2), HOUR_MAX - 1, &from) &&
           slice_to_u64(slice_from(span, 3), HOUR_MAX, &to) && from != to;
}

static bool hours_are_valid(struct slice item)
{
    size_t blank = slice_find(item, ' ');
    if (blank == item.len)
        return span_is_valid(item);
    return days_are_valid(slice_of(item.ptr, blank)) &&
           span_is_valid(slice_trim(slice_from(item, blank)));
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
