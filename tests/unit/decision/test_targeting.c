#include "decision/targeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decision/targeting_forms.h"
#include "decision/zone.h"
#include "entries.h"
#include "unit.h"

#define US INT64_C(1000000)

/* ---- Facts from words -------------------------------------------------------------------------
 */

static unsigned number_of(struct slice word, const char *const *words)
{
    unsigned at = 0;
    while (words[at] && !slice_eq(word, slice_cstr(words[at])))
        at++;
    return words[at] ? at + 1 : 0;
}

static void set_fact(struct page_facts *facts, struct slice name, struct slice value)
{
    if (slice_eq(name, SLICE("domain")))
        facts->domain = value;
    else if (slice_eq(name, SLICE("path")))
        facts->path = value;
    else if (slice_eq(name, SLICE("referrer")))
        facts->referrer = value;
    else if (slice_eq(name, SLICE("country")))
        facts->country = value;
    else if (slice_eq(name, SLICE("region")))
        facts->region = value;
    else if (slice_eq(name, SLICE("language")))
        facts->language = value;
    else if (slice_eq(name, SLICE("device")))
        facts->device = (enum device)number_of(value, device_words);
    else if (slice_eq(name, SLICE("browser")))
        facts->browser = (enum browser)number_of(value, browser_words);
    else if (slice_eq(name, SLICE("os")))
        facts->system = (enum system)number_of(value, system_words);
    else if (slice_eq(name, SLICE("kw")))
        facts->keywords[facts->keyword_count++] = value;
    else if (slice_starts(name, SLICE("kv.")))
        facts->key_values[facts->key_value_count++] =
            (struct fact_pair){slice_from(name, 3), value};
    else
        fail_msg("no fact is called %.*s", SLICE_ARGS(name));
}

/* "country=DE; kw=red shoes" */
static struct page_facts facts_of(const char *text)
{
    struct page_facts facts = {.device = DEVICE_UNKNOWN};
    struct slice rest = slice_cstr(text), part;
    while (slice_next(&rest, ';', &part)) {
        part = slice_trim(part);
        size_t equals = slice_find(part, '=');
        if (part.len > 0)
            set_fact(&facts, slice_of(part.ptr, equals), slice_from(part, equals + 1));
    }
    return facts;
}

/* UTC, "2026-03-29 01:30:00". */
static int64_t moment(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
    return timegm(&tm) * US;
}

/* ---- Field by field ---------------------------------------------------------------------------
 */

/* 2026-07-01 was a Wednesday; it is ten o'clock, UTC. */
#define NOON "2026-07-01 10:00:00"

static const struct row {
    const char *field, *rules, *facts;
    enum reason reason;
} rows[] = {
    {"countries", "DE", "country=DE", REASON_NONE},
    {"countries", "DE,AT", "country=AT", REASON_NONE},
    {"countries", "DE,AT", "country=CH", REASON_COUNTRY},
    {"countries", "DE", "", REASON_COUNTRY},
    {"countries", "!DE", "country=AT", REASON_NONE},
    {"countries", "!DE", "country=DE", REASON_COUNTRY},
    {"countries", "!DE", "", REASON_COUNTRY},
    {"countries", "!DE", "country=de", REASON_COUNTRY},
    {"countries", "!DE", "country=ZZ", REASON_COUNTRY},
    {"countries", "!DE", "country=EU", REASON_COUNTRY},
    {"countries", "DE,!DE", "country=DE", REASON_COUNTRY},
    {"countries", "DE,!DE", "country=AT", REASON_COUNTRY},
    {"countries", "DE,!AT", "country=CH", REASON_COUNTRY},
    {"countries", "XK,AD,ZW", "country=ZW", REASON_NONE},

    {"regions", "DE-BY", "region=DE-BY", REASON_NONE},
    {"regions", "DE-BY", "region=DE-BE", REASON_REGION},
    {"regions", "DE-B", "region=DE-BY", REASON_REGION},
    {"regions", "GB-ENG,US-CA", "region=GB-ENG", REASON_NONE},
    {"regions", "!DE-BY", "region=DE-BE", REASON_NONE},
    {"regions", "!DE-BY", "region=DE-BY", REASON_REGION},
    {"regions", "!DE-BY", "", REASON_REGION},
    {"regions", "!DE-BY", "country=DE", REASON_REGION},
    {"regions", "!DE-BY", "region=something-else", REASON_REGION},
    {"regions", "DE-BY,!DE-BY", "region=DE-BY", REASON_REGION},
    {"regions", "DE-BY,!DE-BY", "region=DE-BE", REASON_REGION},

    {"devices", "mobile,tablet", "device=tablet", REASON_NONE},
    {"devices", "mobile,tablet", "device=desktop", REASON_DEVICE},
    {"devices", "!mobile", "device=desktop", REASON_NONE},
    {"devices", "!mobile", "device=mobile", REASON_DEVICE},
    {"devices", "!mobile", "", REASON_DEVICE},
    {"devices", "mobile,!mobile", "device=mobile", REASON_DEVICE},
    {"devices", "desktop,mobile,tablet", "", REASON_DEVICE},
    {"browsers", "firefox,safari", "browser=safari", REASON_NONE},
    {"browsers", "firefox,safari", "browser=other", REASON_BROWSER},
    {"browsers", "!chrome", "browser=other", REASON_NONE},
    {"browsers", "!chrome", "", REASON_BROWSER},
    {"browsers", "other", "browser=other", REASON_NONE},
    {"os", "windows", "os=windows", REASON_NONE},
    {"os", "!windows", "os=linux", REASON_NONE},
    {"os", "!windows", "os=windows", REASON_OS},
    {"os", "!other", "", REASON_OS},

    {"languages", "de", "language=de", REASON_NONE},
    {"languages", "pt", "language=pt-BR", REASON_NONE},
    {"languages", "PT", "language=pT-br", REASON_NONE},
    {"languages", "pt-br", "language=PT-BR", REASON_NONE},
    {"languages", "pt-BR", "language=pt", REASON_LANGUAGE},
    {"languages", "pt-BR", "language=pt-PT", REASON_LANGUAGE},
    {"languages", "de", "language=den", REASON_LANGUAGE},
    {"languages", "de", "", REASON_LANGUAGE},
    {"languages", "pt,!pt-BR", "language=pt-BR", REASON_LANGUAGE},
    {"languages", "pt,!pt-BR", "language=pt-PT", REASON_NONE},
    {"languages", "!de", "language=en", REASON_NONE},
    {"languages", "!de", "language=de-AT", REASON_LANGUAGE},
    {"languages", "!de", "", REASON_LANGUAGE},

    {"domains", "blog.example", "domain=blog.example", REASON_NONE},
    {"domains", "blog.example", "domain=my.blog.example", REASON_NONE},
    {"domains", "blog.example", "domain=myblog.example", REASON_DOMAIN},
    {"domains", "blog.example", "domain=example", REASON_DOMAIN},
    {"domains", "blog.example,!old.blog.example", "domain=a.old.blog.example", REASON_DOMAIN},
    {"domains", "blog.example,!old.blog.example", "domain=new.blog.example", REASON_NONE},
    {"domains", "!blog.example", "domain=other.example", REASON_NONE},
    {"domains", "!blog.example", "", REASON_DOMAIN},

    {"paths", "/sport/*", "path=/sport/", REASON_NONE},
    {"paths", "/sport/*", "path=/sport/a/b", REASON_NONE},
    {"paths", "/sport/*", "path=/sport", REASON_PATH},
    {"paths", "/sport/*", "path=/Sport/a", REASON_PATH},
    {"paths", "/sport", "path=/sport", REASON_NONE},
    {"paths", "/sport", "path=/sport/", REASON_PATH},
    {"paths", "*/sport,/news/*", "path=/a/sport", REASON_NONE},
    {"paths", "*.html", "path=/a/b.html", REASON_NONE},
    {"paths",
     "/20"
     "??"
     "/*",
     "path=/2026/a", REASON_NONE},
    {"paths",
     "/20"
     "??"
     "/*",
     "path=/206/a", REASON_PATH},
    {"paths", "/", "path=/", REASON_NONE},
    {"paths", "*", "path=/anything", REASON_NONE},
    {"paths", "*", "", REASON_PATH},
    {"paths", "!/archive/*", "path=/a", REASON_NONE},
    {"paths", "!/archive/*", "path=/archive/a", REASON_PATH},
    {"paths", "!/archive/*", "", REASON_PATH},
    {"paths", "/news/*,!*/old/*", "path=/news/old/a", REASON_PATH},

    {"referrers", "search.example", "referrer=www.search.example", REASON_NONE},
    {"referrers", "search.example", "referrer=other.example", REASON_REFERRER},
    {"referrers", "search.example", "", REASON_REFERRER},
    {"referrers", "!search.example", "", REASON_NONE},
    {"referrers", "!search.example", "referrer=search.example", REASON_REFERRER},

    {"keywords", "Red Shoes", "kw=garden; kw=red shoes", REASON_NONE},
    {"keywords", "red shoes", "kw=RED SHOES", REASON_NONE},
    {"keywords", "shoes", "kw=red shoes", REASON_KEYWORD},
    {"keywords", "shoes", "", REASON_KEYWORD},
    {"keywords", "!used", "", REASON_NONE},
    {"keywords", "!used", "kw=new; kw=Used", REASON_KEYWORD},
    {"keywords", "shoes,!used", "kw=shoes; kw=used", REASON_KEYWORD},
    /* The case of ASCII letters alone. */
    {"keywords",
     "m\xc3\xb6"
     "bel",
     "kw=M\xc3\xb6"
     "BEL",
     REASON_NONE},
    {"keywords",
     "m\xc3\xb6"
     "bel",
     "kw=M\xc3\x96"
     "BEL",
     REASON_KEYWORD},

    {"kv.section", "news,sport", "kv.section=sport", REASON_NONE},
    {"kv.section", "news", "kv.section=sport", REASON_KV},
    {"kv.section", "news", "kv.section=sport; kv.section=news", REASON_NONE},
    {"kv.section", "news", "kv.other=news", REASON_KV},
    {"kv.section", "news", "kv.Section=news", REASON_KV},
    {"kv.section", "news", "kv.section=News", REASON_KV},
    {"kv.section", "news", "", REASON_KV},
    {"kv.section", "!news", "", REASON_NONE},
    {"kv.section", "!news", "kv.section=sport", REASON_NONE},
    {"kv.section", "!news", "kv.section=sport; kv.section=news", REASON_KV},

    {"hours", "wed 10-11", "", REASON_NONE},
    {"hours", "09-18", "", REASON_NONE},
    {"hours", "11-18", "", REASON_HOURS},
    {"hours", "tue 10-11,thu 10-11", "", REASON_HOURS},
    {"hours", "mon-fri 09-18,!wed 00-24", "", REASON_HOURS},
    {"hours", "!wed 10-11", "", REASON_HOURS},
    {"hours", "!wed 11-12", "", REASON_NONE},
    {"hours", "tue 20-11", "", REASON_NONE},
    {"hours", "fri-wed 10-11", "", REASON_NONE},
};

static const char *word_of(enum reason reason)
{
    return reason == REASON_NONE ? "fine" : reason_rows[reason].word;
}

static void test_each_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        struct page_facts facts = facts_of(row->facts);
        struct campaign *campaign =
            make_campaign("a", FIELDS("slots", "*", row->field, row->rules));
        enum reason reason = targeting_judge(campaign, &facts, moment(NOON));
        if (reason != row->reason)
            fail_msg("%s \"%s\" of \"%s\": %s, not %s", row->field, row->rules, row->facts,
                     word_of(reason), word_of(row->reason));
        campaign_release(campaign);
    }
}

static void test_whoever_wants_everybody_has_no_rules(void **state)
{
    struct page_facts facts = facts_of("");
    (void)state;
    struct campaign *campaign = make_campaign("a", FIELDS("slots", "*", "countries", ""));
    assert_null(campaign->targeting);
    assert_int_equal(targeting_judge(campaign, &facts, 0), REASON_NONE);
    assert_int_equal(targeting_next_change_us(campaign, 0), INT64_MAX);
    assert_true(targeting_hours_hold(campaign, 0));
    assert_null(targeting_countries(campaign));
    assert_int_equal(targeting_devices(campaign) >> DEVICE_UNKNOWN & 1, 1);
    assert_int_equal(targeting_browsers(campaign) >> BROWSER_UNKNOWN & 1, 1);
    assert_int_equal(targeting_systems(campaign) >> SYSTEM_UNKNOWN & 1, 1);
    campaign_release(campaign);
}

/* All fields fail: they are mended from the first on, and the reason moves on. */
static void test_reasons_come_in_their_order(void **state)
{
    static const char *const mends[] = {
        "country=DE",     "region=DE-BY",     "device=mobile", "browser=chrome",     "os=ios",
        "language=de",    "domain=a.example", "path=/a",       "referrer=b.example", "kw=k",
        "kv.a=1; kv.b=2",
    };
    static const enum reason reasons[] = {
        REASON_COUNTRY, REASON_REGION, REASON_DEVICE,   REASON_BROWSER, REASON_OS, REASON_LANGUAGE,
        REASON_DOMAIN,  REASON_PATH,   REASON_REFERRER, REASON_KEYWORD, REASON_KV, REASON_HOURS,
    };
    char text[512] = "";
    (void)state;
    struct campaign *campaign =
        make_campaign("a", FIELDS("hours", "thu 00-24", "kv.b", "2", "kv.a", "1", "keywords", "k",
                                  "referrers", "b.example", "paths", "/a", "domains", "a.example",
                                  "languages", "de", "os", "ios", "browsers", "chrome", "devices",
                                  "mobile", "regions", "DE-BY", "countries", "DE", "slots", "*"));
    for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        struct page_facts facts = facts_of(text);
        assert_int_equal(targeting_judge(campaign, &facts, moment(NOON)), reasons[i]);
        if (i < sizeof mends / sizeof *mends)
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s;", mends[i]);
    }
    struct page_facts facts = facts_of(text);
    assert_int_equal(targeting_judge(campaign, &facts, moment("2026-07-02 10:00:00")), REASON_NONE);
    facts =
        facts_of("country=DE; region=DE-BY; device=mobile; browser=chrome; os=ios; language=de; "
                 "domain=a.example; path=/a; referrer=b.example; kw=k; kv.a=1");
    assert_int_equal(targeting_judge(campaign, &facts, moment(NOON)), REASON_KV);
    campaign_release(campaign);
}

/* ---- Hours where clocks change -----------------------------------------------------------------
 */

static void test_hours_in_the_nights_on_which_clocks_change(void **state)
{
    static const struct {
        const char *zone, *hours, *utc;
        bool holds;
    } nights[] = {
        /* Sunday, 29 March: from 02:00 clocks jump to 03:00. */
        {"Europe/Berlin", "sun 02-03", "2026-03-29 00:59:59", false},
        {"Europe/Berlin", "sun 02-03", "2026-03-29 01:00:00", false},
        {"Europe/Berlin", "sun 03-04", "2026-03-29 00:59:59", false},
        {"Europe/Berlin", "sun 03-04", "2026-03-29 01:00:00", true},
        {"Europe/Berlin", "sun 03-04", "2026-03-29 01:59:59", true},
        {"Europe/Berlin", "sun 03-04", "2026-03-29 02:00:00", false},
        {"Europe/Berlin", "!sun 01-02", "2026-03-29 01:00:00", true},
        /* Sunday, 25 October: at 03:00 back to 02:00, which is shown for two hours. */
        {"Europe/Berlin", "sun 02-03", "2026-10-24 23:59:59", false},
        {"Europe/Berlin", "sun 02-03", "2026-10-25 00:00:00", true},
        {"Europe/Berlin", "sun 02-03", "2026-10-25 01:59:59", true},
        {"Europe/Berlin", "sun 02-03", "2026-10-25 02:00:00", false},
        {"Europe/Berlin", "sat 22-03", "2026-10-25 01:59:59", true},
        {"America/New_York", "sun 02-03", "2026-03-08 07:00:00", false},
        {"America/New_York", "sun 03-04", "2026-03-08 07:00:00", true},
        {"America/New_York", "sun 01-02", "2026-11-01 05:00:00", true},
        {"America/New_York", "sun 01-02", "2026-11-01 06:59:59", true},
        {"America/New_York", "sun 01-02", "2026-11-01 07:00:00", false},
        /* Half an hour: at 02:00 to 02:30, and at 02:00 back to 01:30. */
        {"Australia/Lord_Howe", "sun 02-03", "2026-10-03 15:29:59", false},
        {"Australia/Lord_Howe", "sun 02-03", "2026-10-03 15:30:00", true},
        {"Australia/Lord_Howe", "sun 02-03", "2026-10-03 15:59:59", true},
        {"Australia/Lord_Howe", "sun 02-03", "2026-10-03 16:00:00", false},
        {"Australia/Lord_Howe", "sun 01-02", "2026-04-04 14:00:00", true},
        {"Australia/Lord_Howe", "sun 01-02", "2026-04-04 15:29:59", true},
        {"Australia/Lord_Howe", "sun 01-02", "2026-04-04 15:30:00", false},
        /* Morocco's clocks go back for Ramadan: 15 February to 22 March 2026. */
        {"Africa/Casablanca", "sun 02-03", "2026-02-15 01:59:59", true},
        {"Africa/Casablanca", "sun 02-03", "2026-02-15 02:00:00", true},
        {"Africa/Casablanca", "sun 02-03", "2026-02-15 02:59:59", true},
        {"Africa/Casablanca", "sun 02-03", "2026-02-15 03:00:00", false},
        {"Africa/Casablanca", "sun 02-03", "2026-03-22 02:00:00", false},
        {"Africa/Casablanca", "sun 03-04", "2026-03-22 02:00:00", true},
        {"Asia/Kolkata", "mon 00-01", "2026-06-28 18:29:59", false},
        {"Asia/Kolkata", "mon 00-01", "2026-06-28 18:30:00", true},
        {"Pacific/Kiritimati", "sun 00-01", "2026-06-27 10:00:00", true},
    };
    struct page_facts facts = facts_of("");
    (void)state;
    for (size_t i = 0; i < sizeof nights / sizeof *nights; i++) {
        struct campaign *campaign = make_campaign(
            "a", FIELDS("slots", "*", "timezone", nights[i].zone, "hours", nights[i].hours));
        enum reason reason = targeting_judge(campaign, &facts, moment(nights[i].utc));
        if (reason != (nights[i].holds ? REASON_NONE : REASON_HOURS))
            fail_msg("%s %s at %s", nights[i].zone, nights[i].hours, nights[i].utc);
        campaign_release(campaign);
    }
}

static void check_change(const char *zone, const char *hours, const char *now, const char *change)
{
    struct campaign *campaign =
        make_campaign("a", FIELDS("slots", "*", "timezone", zone, "hours", hours));
    int64_t us = targeting_next_change_us(campaign, moment(now) + 123456);
    int64_t expected = change ? moment(change) : INT64_MAX;
    if (us != expected)
        fail_msg("%s %s after %s: %lld, not %s", zone, hours, now, (long long)us,
                 change ? change : "never");
    campaign_release(campaign);
}

static void test_when_hours_change(void **state)
{
    (void)state;
    check_change("UTC", "09-18", "2026-07-01 10:00:00", "2026-07-01 18:00:00");
    check_change("UTC", "09-18", "2026-07-01 08:59:59", "2026-07-01 09:00:00");
    check_change("UTC", "09-18", "2026-07-01 18:00:00", "2026-07-02 09:00:00");
    check_change("UTC", "mon 09-18", "2026-07-01 10:00:00", "2026-07-06 09:00:00");
    check_change("UTC", "00-24", "2026-07-01 10:00:00", NULL);
    check_change("UTC", "09-18,!00-24", "2026-07-01 10:00:00", NULL);
    check_change("Asia/Kolkata", "09-18", "2026-07-01 10:00:00", "2026-07-01 12:30:00");
    check_change("Europe/Berlin", "09-18", "2026-07-01 10:00:00", "2026-07-01 16:00:00");
    /* Clocks change first. */
    check_change("Europe/Berlin", "09-18", "2026-03-29 00:30:00", "2026-03-29 01:00:00");
    check_change("Europe/Berlin", "09-18", "2026-03-29 01:30:00", "2026-03-29 07:00:00");
    check_change("Europe/Berlin", "sun 02-03", "2026-10-25 00:30:00", "2026-10-25 01:00:00");
    check_change("Europe/Berlin", "sun 02-03", "2026-10-25 01:00:00", "2026-10-25 02:00:00");
}

/* ---- Against the text, read anew each time -----------------------------------------------------
 */

/* Random rules and facts out of few words, so that they meet often. */
struct text_field {
    const char *name;
    enum reason reason;
    const char *words[12]; /* of its rules */
    const char *facts[12]; /* "" stands for not known */
};
static const struct text_field fields[] = {
    {"countries", REASON_COUNTRY, {"DE", "AT", "CH", "FR"}, {"DE", "AT", "CH", "GB", "EU", ""}},
    {"regions", REASON_REGION, {"DE-BY", "DE-BE", "GB-ENG"}, {"DE-BY", "DE-BE", "FR-75", ""}},
    {"devices",
     REASON_DEVICE,
     {"desktop", "mobile", "tablet"},
     {"desktop", "mobile", "tablet", ""}},
    {"browsers", REASON_BROWSER, {"chrome", "firefox", "other"}, {"chrome", "safari", "other", ""}},
    {"os", REASON_OS, {"android", "ios", "windows"}, {"android", "linux", "windows", ""}},
    {"languages",
     REASON_LANGUAGE,
     {"de", "pt", "pt-BR", "PT-pt", "en-GB-oed"},
     {"de", "de-AT", "pt-br", "PT", "en-GB", "den", ""}},
    {"domains",
     REASON_DOMAIN,
     {"a.example", "b.a.example", "c.example", "example"},
     {"a.example", "b.a.example", "x.b.a.example", "xa.example", "d.test", ""}},
    {"paths",
     REASON_PATH,
     {"/sport/*", "/sport", "*sport*", "/s?ort/*", "/", "*", "/*/a", "/news/a", "*a*b?", "/news*"},
     {"/sport/a", "/sport", "/", "/news/a", "/x/sport/a", "/sport/", "/a/b/abx", "/newsroom", ""}},
    {"referrers",
     REASON_REFERRER,
     {"a.example", "b.a.example", "s.example"},
     {"a.example", "b.a.example", "t.example", ""}},
    {"keywords",
     REASON_KEYWORD,
     {"red", "Blue", "green tea",
      "\xc3\x84"
      "A"},
     {"RED", "blue", "Green Tea",
      "\xc3\x84"
      "a",
      "\xc3\xa4"
      "a",
      "other", ""}},
    {"kv.a", REASON_KV, {"1", "2", "x"}, {"1", "2", "3", ""}},
    {"kv.b", REASON_KV, {"1", "B"}, {"1", "b", "B", ""}},
    {"hours",
     REASON_HOURS,
     {"09-18", "mon-fri 08-20", "sat 22-04", "fri-mon 00-24", "sun 02-03", "00-03", "tue 23-00"},
     {""}},
};
#define FIELD_COUNT (sizeof fields / sizeof *fields)

static uint64_t state_of_dice = 88172645463325252;
static unsigned dice(unsigned sides)
{
    state_of_dice ^= state_of_dice << 13;
    state_of_dice ^= state_of_dice >> 7;
    state_of_dice ^= state_of_dice << 17;
    return sides > 0 ? (unsigned)(state_of_dice >> 33) % sides : 0;
}

static unsigned count_of(const char *const *words)
{
    unsigned count = 0;
    while (count < 12 && words[count])
        count++;
    return count;
}

/* Of each word of the field at most one of "x" and "!x", in any order; "" at times. */
static void draw_rules(const struct text_field *field, char *ret, size_t size)
{
    unsigned count = count_of(field->words), first = dice(count);
    ret[0] = '\0';
    if (dice(3) > 0)
        return;
    for (unsigned i = 0; i < count; i++) {
        if (dice(count) > 1)
            continue;
        size_t len = strlen(ret);
        (void)snprintf(ret + len, size - len, "%s%s%s", len > 0 ? "," : "", dice(3) == 0 ? "!" : "",
                       field->words[(first + i) % count]);
    }
}

static bool naive_glob(const char *glob, const char *text)
{
    if (*glob == '\0')
        return *text == '\0';
    if (*glob == '*')
        return naive_glob(glob + 1, text) || (*text && naive_glob(glob, text + 1));
    return *text && (*glob == '?' || *glob == *text) && naive_glob(glob + 1, text + 1);
}

static bool naive_below(const char *host, const char *name)
{
    char dotted[256], below[256];
    (void)snprintf(dotted, sizeof dotted, ".%s", host);
    (void)snprintf(below, sizeof below, ".%s", name);
    size_t len = strlen(dotted), tail = strlen(below);
    return len >= tail && strcmp(dotted + len - tail, below) == 0;
}

/* By the clock that TZ sets. */
static bool naive_hours(const char *item, int64_t now_us)
{
    static const char days[] = "sunmontuewedthufrisat";
    char first[4] = "sun", last[4] = "sat";
    int from, to;
    struct tm tm;
    time_t now = now_us / US;
    assert_non_null(localtime_r(&now, &tm));
    if (sscanf(item, "%3[a-z]-%3[a-z] %d-%d", first, last, &from, &to) != 4) {
        if (sscanf(item, "%3[a-z] %d-%d", first, &from, &to) == 3)
            memcpy(last, first, sizeof last);
        else
            assert_int_equal(sscanf(item, "%d-%d", &from, &to), 2);
    }
    long begin = (strstr(days, first) - days) / 3, end = (strstr(days, last) - days) / 3;
    for (long day = begin;; day = (day + 1) % 7) {
        if (tm.tm_wday == day && tm.tm_hour >= from && (tm.tm_hour < to || to < from))
            return true;
        if (tm.tm_wday == (day + 1) % 7 && to < from && tm.tm_hour < to)
            return true;
        if (day == end)
            return false;
    }
}

static bool naive_item(const struct text_field *field, const char *item, const char *fact,
                       int64_t now_us)
{
    size_t len = strlen(item);
    switch (field->reason) {
    case REASON_LANGUAGE:
        return strncasecmp(item, fact, len) == 0 && (!fact[len] || fact[len] == '-');
    case REASON_DOMAIN:
    case REASON_REFERRER:
        return fact[0] && naive_below(fact, item);
    case REASON_PATH:
        return naive_glob(item, fact);
    case REASON_KEYWORD:
        return strcasecmp(item, fact) == 0;
    case REASON_HOURS:
        return naive_hours(item, now_us);
    default:
        return strcmp(item, fact) == 0;
    }
}

/* `facts`: those of the field, up to two of them; a fact that is not known is "". */
static bool naive_field(const struct text_field *field, const char *rules,
                        const char *const facts[2], int64_t now_us)
{
    char text[256], *rest = text;
    bool includes = false, included = false, excluded = false;
    bool is_list = field->reason >= REASON_REFERRER;
    if (!rules[0])
        return true;
    if (!is_list && (!facts[0][0] || strcmp(facts[0], "EU") == 0))
        return false;
    (void)snprintf(text, sizeof text, "%s", rules);
    for (char *item = strsep(&rest, ","); item; item = strsep(&rest, ",")) {
        bool exclude = item[0] == '!', matches = false;
        for (unsigned i = 0; i < 2; i++)
            matches = matches || ((facts[i][0] || field->reason == REASON_HOURS) &&
                                  naive_item(field, item + exclude, facts[i], now_us));
        excluded = excluded || (exclude && matches);
        includes = includes || !exclude;
        included = included || (!exclude && matches);
    }
    return !excluded && (!includes || included);
}

struct case_text {
    char rules[FIELD_COUNT][256];
    const char *facts[FIELD_COUNT][2];
};

static struct campaign *draw_campaign(struct case_text *text, const char *zone)
{
    const char *list[2 * FIELD_COUNT + 5] = {"slots", "*", "timezone", zone};
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        draw_rules(&fields[i], text->rules[i], sizeof text->rules[i]);
        list[4 + 2 * i] = fields[i].name;
        list[5 + 2 * i] = text->rules[i];
    }
    return make_campaign("a", list);
}

static void draw_facts(struct case_text *text, struct page_facts *facts)
{
    *facts = facts_of("");
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        static const char *const names[] = {
            "country", "region",   "device", "browser", "os",   "language", "domain",
            "path",    "referrer", "kw",     "kv.a",    "kv.b", NULL,
        };
        bool repeats = fields[i].reason == REASON_KEYWORD || fields[i].reason == REASON_KV;
        for (unsigned j = 0; j < 2; j++) {
            const char *fact = fields[i].facts[dice(count_of(fields[i].facts))];
            text->facts[i][j] = j == 0 || repeats ? fact : "";
            if (text->facts[i][j][0])
                set_fact(facts, slice_cstr(names[i]), slice_cstr(fact));
        }
    }
}

static enum reason naive_judge(const struct case_text *text, int64_t now_us)
{
    for (unsigned i = 0; i < FIELD_COUNT; i++) {
        if (!naive_field(&fields[i], text->rules[i], text->facts[i], now_us))
            return fields[i].reason;
    }
    return REASON_NONE;
}

/* ---- What an index is told is never too little -------------------------------------------------
 */

struct wanted {
    const uint64_t *keys;
    unsigned count;
    bool found;
};

static void look_for(uint64_t key, void *arg)
{
    struct wanted *wanted = arg;
    for (unsigned i = 0; i < wanted->count; i++)
        wanted->found = wanted->found || wanted->keys[i] == key;
}

static void check_is_found(const struct campaign *campaign, const struct page_facts *facts)
{
    uint64_t keys[PAGE_CONTEXT_KEYS_MAX], language = page_language_key(facts);
    uint32_t kind = UINT32_C(1) << targeting_context_kind(campaign);
    struct wanted context = {keys, page_context_keys(facts, kind, keys), false};
    struct wanted languages = {&language, 1, false};
    const struct country_set *countries = targeting_countries(campaign);
    assert_true(!targeting_context_keys(campaign, look_for, &context) || context.found);
    assert_true(!targeting_language_keys(campaign, look_for, &languages) || languages.found);
    assert_true(!countries || country_set_has(countries, country_number(facts->country)));
    assert_true(targeting_devices(campaign) >> facts->device & 1);
    assert_true(targeting_browsers(campaign) >> facts->browser & 1);
    assert_true(targeting_systems(campaign) >> facts->system & 1);
}

/* Up to the next change the hours' verdict stays, and there is one or clocks change. */
static void check_next_change(const struct campaign *campaign, int64_t now_us)
{
    bool holds = targeting_hours_hold(campaign, now_us);
    int64_t change_us = targeting_next_change_us(campaign, now_us);
    int64_t end_us = change_us == INT64_MAX ? now_us + 86400 * US : change_us;
    assert_true(change_us > now_us);
    for (unsigned i = 1; i <= 4; i++)
        assert_int_equal(targeting_hours_hold(campaign, now_us + (end_us - now_us) / 5 * i), holds);
    assert_int_equal(targeting_hours_hold(campaign, end_us - 1), holds);
    if (change_us != INT64_MAX && targeting_hours_hold(campaign, change_us) == holds)
        assert_int_equal(zone_next_change_us(campaign->zone, now_us), change_us);
}

#define CASES     200000
#define PER_RULES 8

static void test_what_is_compiled_says_what_the_text_says(void **state)
{
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/New_York",
                                        "Australia/Lord_Howe", "Africa/Casablanca"};
    static const int64_t begin_s = 1767225600; /* 2026 */
    unsigned held = 0, zone_count = sizeof zones / sizeof *zones;
    (void)state;
    for (unsigned i = 0; i < CASES / PER_RULES; i++) {
        static struct case_text text;
        const char *zone = zones[i * zone_count / (CASES / PER_RULES)];
        assert_int_equal(setenv("TZ", zone, 1), 0);
        tzset();
        struct campaign *campaign = draw_campaign(&text, zone);
        for (unsigned j = 0; j < PER_RULES; j++) {
            struct page_facts facts;
            int64_t now_us = (begin_s + (int64_t)dice(366 * 86400)) * US + dice(1000000);
            draw_facts(&text, &facts);
            enum reason expected = naive_judge(&text, now_us);
            assert_int_equal(targeting_judge(campaign, &facts, now_us), expected);
            check_next_change(campaign, now_us);
            if (expected != REASON_NONE)
                continue;
            held++;
            check_is_found(campaign, &facts);
        }
        campaign_release(campaign);
    }
    assert_true(held > CASES / 50 && held < CASES / 2);
    assert_int_equal(unsetenv("TZ"), 0);
}

/* ---- Keys -------------------------------------------------------------------------------------
 */

static void count_key(uint64_t key, void *arg)
{
    assert_true(key != 0);
    ++*(unsigned *)arg;
}

static void check_keys(const char *name, const char *rules, const char *more_name,
                       const char *more_rules, unsigned count)
{
    unsigned counted = 0;
    struct campaign *campaign =
        make_campaign("a", FIELDS("slots", "*", name, rules, more_name, more_rules));
    bool has = targeting_context_keys(campaign, count_key, &counted);
    if (has != (count > 0) || counted != count)
        fail_msg("%s \"%s\", %s \"%s\": %u keys, not %u", name, rules, more_name, more_rules,
                 counted, count);
    campaign_release(campaign);
}

static void test_the_field_that_a_campaign_is_found_by(void **state)
{
    (void)state;
    check_keys("kv.a", "1,2,3", "domains", "a.example", 3);
    check_keys("kv.a", "!1,!2", "domains", "a.example", 1);
    check_keys("domains", "a.example,b.example,!c.a.example", "keywords", "a,b,c", 2);
    check_keys("keywords", "a,b,c", "referrers", "a.example", 3);
    check_keys("referrers", "a.example", "paths", "/a/*,/b/*", 1);
    check_keys("paths", "/a/*,/b", "countries", "DE", 2);
    check_keys("paths", "/a/*,/b*", "countries", "DE", 0);
    check_keys("paths", "/a/*,/?/", "countries", "DE", 0);
    check_keys("paths", "*", "languages", "de", 0);
    check_keys("domains", "!a.example", "hours", "09-18", 0);
}

/* As many as there can be, and hosts that are none. */
static void test_a_page_has_no_more_keys_than_are_allowed(void **state)
{
    uint64_t keys[PAGE_CONTEXT_KEYS_MAX];
    static char dots[4096], letters[253];
    (void)state;
    memset(dots, '.', sizeof dots);
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = i % 2 ? '.' : 'a';
    struct page_facts facts = facts_of("path=/a");
    facts.domain = slice_of(dots, sizeof dots);
    facts.referrer = slice_of(letters, sizeof letters);
    for (facts.keyword_count = 0; facts.keyword_count < FACTS_KEYWORDS_MAX;)
        facts.keywords[facts.keyword_count++] = SLICE("k");
    while (facts.key_value_count < FACTS_KEY_VALUES_MAX)
        facts.key_values[facts.key_value_count++] = (struct fact_pair){SLICE("a"), SLICE("b")};
    assert_int_equal(page_context_keys(&facts, UINT32_MAX, keys), PAGE_CONTEXT_KEYS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_field),
        cmocka_unit_test(test_whoever_wants_everybody_has_no_rules),
        cmocka_unit_test(test_reasons_come_in_their_order),
        cmocka_unit_test(test_hours_in_the_nights_on_which_clocks_change),
        cmocka_unit_test(test_when_hours_change),
        cmocka_unit_test(test_what_is_compiled_says_what_the_text_says),
        cmocka_unit_test(test_the_field_that_a_campaign_is_found_by),
        cmocka_unit_test(test_a_page_has_no_more_keys_than_are_allowed),
    };
    return cmocka_run_group_tests_name("decision/targeting", tests, NULL, NULL);
}
