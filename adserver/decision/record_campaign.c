#include "decision/caps.h"
#include "decision/field.h"
#include "decision/number.h"
#include "decision/pack.h"
#include "decision/record_tables.h"
#include "decision/targeting_compile.h"
#include "decision/targeting_forms.h"
#include "decision/text.h"
#include "decision/timestamp.h"
#include "decision/zone.h"

#define SHARE_PLACES  4       /* of a percentage, so that its last digit is a millionth */
#define SHARE_MAX_PPM 1000000 /* all */

static const struct list_form slot_ids_form = {"a slot's id", id_is_valid, false};

static bool parse_tier(struct reading *reading, struct slice text, void *to)
{
    unsigned word = 0;
    if (!field_word(text, tier_words, &word, reading->err))
        return false;
    *(enum tier *)to = (enum tier)word;
    return true;
}

static bool parse_share(struct reading *reading, struct slice text, void *to)
{
    uint64_t ppm = 0;
    if (!decimal_parse(text, SHARE_PLACES, SHARE_MAX_PPM, &ppm, reading->err))
        return false;
    if (ppm == 0)
        return err_set(reading->err, "%s is out of range", err_quote(text));
    *(uint32_t *)to = (uint32_t)ppm;
    return true;
}

static bool parse_slots(struct reading *reading, struct slice text, void *to)
{
    struct campaign *campaign = to;
    if (slice_eq(text, SLICE("*"))) {
        campaign->all_slots = true;
        return true;
    }
    return list_parse(text, &slot_ids_form, reading->arena, &campaign->slots, reading->err);
}

static bool parse_timezone(struct reading *reading, struct slice text, void *to)
{
    reading->zone = zone_find(text);
    if (!reading->zone)
        return err_set(reading->err, "\"%s\" is not a time zone", err_quote(text));
    *(const struct zone **)to = reading->zone;
    return true;
}

static bool parse_pacing(struct reading *reading, struct slice text, void *to)
{
    static const char *const words[] = {"even", "front", "asap", NULL};
    unsigned word = 0;
    if (!field_word(text, words, &word, reading->err))
        return false;
    *(enum pacing *)to = (enum pacing)word;
    return true;
}

static bool parse_roadblock(struct reading *reading, struct slice text, void *to)
{
    static const char *const words[] = {"off", "any", "all", NULL};
    unsigned word = 0;
    if (!field_word(text, words, &word, reading->err))
        return false;
    *(enum roadblock *)to = (enum roadblock)word;
    return true;
}

static bool parse_labels(struct reading *reading, struct slice text, void *to)
{
    return list_parse(text, &labels_form, reading->arena, to, reading->err);
}

/* ---- Targeting: lists, which are compiled together at the end ------- */

static struct targeting_lists *lists_of(struct reading *reading)
{
    if (!reading->targeting)
        reading->targeting = arena_new_item(reading->arena, struct targeting_lists);
    return reading->targeting;
}

static bool parse_targeting(struct reading *reading, struct slice text, enum targeting_field field,
                            const struct list_form *form)
{
    return list_parse(text, form, reading->arena, &lists_of(reading)->fields[field], reading->err);
}

static bool parse_key_value(struct reading *reading, struct slice text, void *to)
{
    struct slice name = slice_from(reading->name, sizeof "kv." - 1);
    struct targeting_lists *lists = lists_of(reading);
    (void)to;
    if (!label_is_valid(name))
        return err_set(reading->err, "\"%s\" is not a key-value's name", err_quote(name));
    struct key_value_list *list = &lists->key_values[lists->key_value_count++];
    list->name = name;
    return list_parse(text, &keywords_form, reading->arena, &list->values, reading->err);
}

#define PARSE_TARGETING(name, field, form)                                         \
    static bool parse_##name(struct reading *reading, struct slice text, void *to) \
    {                                                                              \
        (void)to;                                                                  \
        return parse_targeting(reading, text, TARGETING_##field, &(form));         \
    }
PARSE_TARGETING(countries, COUNTRIES, countries_form)
PARSE_TARGETING(regions, REGIONS, regions_form)
PARSE_TARGETING(devices, DEVICES, devices_form)
PARSE_TARGETING(browsers, BROWSERS, browsers_form)
PARSE_TARGETING(systems, SYSTEMS, systems_form)
PARSE_TARGETING(languages, LANGUAGES, languages_form)
PARSE_TARGETING(domains, DOMAINS, hosts_form)
PARSE_TARGETING(paths, PATHS, paths_form)
PARSE_TARGETING(referrers, REFERRERS, hosts_form)
PARSE_TARGETING(keywords, KEYWORDS, keywords_form)
PARSE_TARGETING(hours, HOURS, hours_form)

/* ---- Rows ------------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct campaign, member)

/* The zone stands before the times that are in it. */
const struct record_form_row campaign_rows[] = {
    {"name", FORM_TEXT, false, "", TEXT_ALLOWED, field_text, AT(name)},
    {"advertiser", FORM_TEXT, false, "", TEXT_ALLOWED, field_text, AT(advertiser)},
    {"status", FORM_TEXT, false, "active", STATUS_ALLOWED, field_status, AT(status)},
    {"tier", FORM_TEXT, false, "standard", "sponsorship, standard, remnant or house", parse_tier,
     AT(tier)},
    {"weight", FORM_NUMBER, false, "1", WEIGHT_ALLOWED, field_weight, AT(weight)},
    {"share", FORM_NUMBER, false, "",
     "a percentage above 0 up to 100, at most 4 digits behind the point, in tier sponsorship alone",
     parse_share, AT(share_ppm)},
    {"slots", FORM_LIST, true, "", "ids of slots, or * for all slots", parse_slots, 0},
    {"timezone", FORM_TEXT, false, "UTC", "a name of the tz database, such as Europe/Berlin",
     parse_timezone, AT(zone)},
    {"start", FORM_TEXT, false, "", TIMESTAMP_ALLOWED, field_time, AT(start_us)},
    {"end", FORM_TEXT, false, "", TIMESTAMP_ALLOWED ", after `start`", field_time, AT(end_us)},
    {"goal_impressions", FORM_NUMBER, false, "", COUNT_ALLOWED, field_count, AT(goal_impressions)},
    {"goal_clicks", FORM_NUMBER, false, "", COUNT_ALLOWED, field_count, AT(goal_clicks)},
    {"daily_impressions", FORM_NUMBER, false, "", COUNT_ALLOWED, field_count,
     AT(daily_impressions)},
    {"pacing", FORM_TEXT, false, "even", "even, front or asap", parse_pacing, AT(pacing)},
    {"cpm", FORM_NUMBER, false, "", MONEY_ALLOWED, field_money, AT(cpm_micro)},
    {"cpc", FORM_NUMBER, false, "", MONEY_ALLOWED, field_money, AT(cpc_micro)},
    {"budget", FORM_NUMBER, false, "", BUDGET_ALLOWED, field_budget, AT(budget_micro)},
    {"daily_budget", FORM_NUMBER, false, "", BUDGET_ALLOWED, field_budget, AT(daily_budget_micro)},
    {"caps", FORM_LIST, false, "", CAPS_ALLOWED, field_caps, AT(caps)},
    {"exclusions", FORM_LIST, false, "", LABELS_ALLOWED, parse_labels, AT(exclusions)},
    {"roadblock", FORM_TEXT, false, "off", "off, any or all", parse_roadblock, AT(roadblock)},
    {"countries", FORM_LIST, false, "", COUNTRIES_ALLOWED, parse_countries, 0},
    {"regions", FORM_LIST, false, "", REGIONS_ALLOWED, parse_regions, 0},
    {"devices", FORM_LIST, false, "", DEVICES_ALLOWED, parse_devices, 0},
    {"browsers", FORM_LIST, false, "", BROWSERS_ALLOWED, parse_browsers, 0},
    {"os", FORM_LIST, false, "", SYSTEMS_ALLOWED, parse_systems, 0},
    {"languages", FORM_LIST, false, "", LANGUAGES_ALLOWED, parse_languages, 0},
    {"domains", FORM_LIST, false, "", HOSTS_ALLOWED, parse_domains, 0},
    {"paths", FORM_LIST, false, "", PATHS_ALLOWED, parse_paths, 0},
    {"referrers", FORM_LIST, false, "", HOSTS_ALLOWED, parse_referrers, 0},
    {"keywords", FORM_LIST, false, "", KEYWORDS_ALLOWED, parse_keywords, 0},
    {"hours", FORM_LIST, false, "", HOURS_ALLOWED, parse_hours, 0},
    {"kv.", FORM_LIST, false, "", KEY_VALUES_ALLOWED, parse_key_value, 0},
};
const unsigned campaign_row_count = sizeof campaign_rows / sizeof *campaign_rows;

/* What fields say of each other. */
static bool finish(struct reading *reading, struct campaign *campaign)
{
    if (campaign->share_ppm > 0 && campaign->tier != TIER_SPONSORSHIP) {
        (void)err_set(reading->err, "tier %s has no shares", tier_words[campaign->tier]);
        return reading_refuse(reading, "share");
    }
    if (campaign->end_us != TIME_UNSET && campaign->end_us <= campaign->start_us) {
        (void)err_set(reading->err, "it is not after `start`");
        return reading_refuse(reading, "end");
    }
    if (reading->targeting)
        campaign->targeting = targeting_compile(reading->targeting, reading->arena);
    return true;
}

struct campaign *record_compile_campaign(const struct record *record, struct err *err)
{
    static const size_t slices[] = {AT(id), AT(name), AT(advertiser)};
    static const size_t lists[] = {AT(slots), AT(exclusions)};
    struct pack_layout layout = {
        .size = sizeof(struct campaign),
        .slices = slices,
        .slice_count = sizeof slices / sizeof *slices,
        .lists = lists,
        .list_count = sizeof lists / sizeof *lists,
        .run = AT(targeting),
    };
    struct campaign campaign = {
        .references = 1,
        .id = record->id,
        .start_us = TIME_UNSET,
        .end_us = TIME_UNSET,
    };
    struct campaign *packed = NULL;
    struct reading reading;
    if (!reading_begin(&reading, record, err))
        return NULL;
    if (reading_run(&reading, &campaign) && finish(&reading, &campaign)) {
        layout.size = AT(caps) + caps_size(&campaign.caps);
        packed = pack(&campaign, &layout);
    }
    reading_end(&reading);
    return packed;
}
