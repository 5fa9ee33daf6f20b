#include "decision/record.h"

#include <stdio.h>

#include "decision/zone.h"
#include "entries.h"
#include "unit.h"

/* Records that are fine, to which a test adds the field in question. */
static const char *const slot[] = {NULL};
static const char *const campaign[] = {"slots", "*", NULL};
static const char *const sponsor[] = {"slots", "*", "tier", "sponsorship", NULL};
static const char *const dated[] = {"slots", "*", "start", "2026-07-01T00:00:00Z", NULL};
static const char *const image[] = {
    "campaign", "spring", "type",   "image",   "size",
    "970x250",  "image",  "/a.png", "landing", "https://shop.example/",
    NULL};
static const char *const html[] = {"campaign", "spring", "type",     "html", "size",
                                   "300x250",  "html",   "<b>x</b>", NULL};
static const char *const text[] = {"campaign", "spring", "type",    "text",
                                   "title",    "Tulips", "landing", "https://shop.example/",
                                   NULL};

/* `fields` with `name` set to `value`, in place or behind the others. */
static const char *const *with(const char *const *fields, const char *name, const char *value)
{
    static const char *changed[64];
    unsigned count = 0;
    bool there = false;
    for (; fields[0]; fields += 2) {
        bool this = strcmp(fields[0], name) == 0;
        there = there || this;
        changed[count++] = fields[0];
        changed[count++] = this ? value : fields[1];
    }
    if (!there) {
        changed[count++] = name;
        changed[count++] = value;
    }
    changed[count] = NULL;
    return changed;
}

struct row {
    enum record_kind kind;
    const char *const *base;
    const char *name;
    const char *value;
    const char *wrong; /* how the message begins; NULL: nothing is wrong */
};

#define T1024 T256 T256 T256 T256
#define T256  T64 T64 T64 T64
#define T64   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SIZES_32                                                                                  \
    "1x1,2x1,3x1,4x1,5x1,6x1,7x1,8x1,9x1,10x1,11x1,12x1,13x1,14x1,15x1,16x1,17x1,18x1,19x1,20x1," \
    "21x1,22x1,23x1,24x1,25x1,26x1,27x1,28x1,29x1,30x1,31x1,32x1"

static const struct row slot_values[] = {
    {RECORD_SLOT, slot, "name", "Header", NULL},
    {RECORD_SLOT, slot, "name", T1024, NULL},
    {RECORD_SLOT, slot, "name", T1024 "x", "it has 1025 bytes"},
    {RECORD_SLOT, slot, "name", "a\nb", "byte 2 begins a control character, U+000A"},
    {RECORD_SLOT, slot, "name", "a\xff", "byte 2 is not UTF-8"},
    {RECORD_SLOT, slot, "sizes", "970x250,728x90,320x50", NULL},
    {RECORD_SLOT, slot, "sizes", " 1x1 , 8192x8192 ", NULL},
    {RECORD_SLOT, slot, "sizes", SIZES_32, NULL},
    {RECORD_SLOT, slot, "sizes", SIZES_32 ",33x1", "the list has more than 32 items"},
    {RECORD_SLOT, slot, "sizes", "970", "\"970\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "0x90", "\"0x90\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "8193x90", "\"8193x90\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "970X250", "\"970X250\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "970x250x1", "\"970x250x1\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "970 x 250", "\"970 x 250\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "x", "\"x\" is not a size"},
    {RECORD_SLOT, slot, "sizes", "728x90,728x90", "\"728x90\" stands in the list twice"},
    {RECORD_SLOT, slot, "sizes", "728x90,", "item 2 of the list is empty"},
    {RECORD_SLOT, slot, "domains", "example.com,!ads.example.com", NULL},
    {RECORD_SLOT, slot, "domains", "https://example.com",
     "\"https://example.com\" is not a host name"},
    {RECORD_SLOT, slot, "domains", "Example.com", "\"Example.com\" is not a host name"},
    {RECORD_SLOT, slot, "status", "paused", NULL},
    {RECORD_SLOT, slot, "status", "archived", NULL},
    {RECORD_SLOT, slot, "status", "on", "\"on\" is not one of its words"},
};

static const struct row campaign_values[] = {
    {RECORD_CAMPAIGN, campaign, "name", "Spring sale", NULL},
    {RECORD_CAMPAIGN, campaign, "name", "a\x7f", "byte 2 begins a control character, U+007F"},
    {RECORD_CAMPAIGN, campaign, "advertiser", "Tulips & Co.", NULL},
    {RECORD_CAMPAIGN, campaign, "advertiser", T1024 "x", "it has 1025 bytes"},
    {RECORD_CAMPAIGN, campaign, "status", "active", NULL},
    {RECORD_CAMPAIGN, campaign, "status", "archived", NULL},
    {RECORD_CAMPAIGN, campaign, "status", "Active", "\"Active\" is not one of its words"},
    {RECORD_CAMPAIGN, campaign, "tier", "house", NULL},
    {RECORD_CAMPAIGN, campaign, "tier", "gold", "\"gold\" is not one of its words"},
    {RECORD_CAMPAIGN, campaign, "weight", "1", NULL},
    {RECORD_CAMPAIGN, campaign, "weight", "1000000", NULL},
    {RECORD_CAMPAIGN, campaign, "weight", "0", "0 is out of range"},
    {RECORD_CAMPAIGN, campaign, "weight", "1000001", "1000001 is out of range"},
    {RECORD_CAMPAIGN, campaign, "weight", "1.5", "\"1.5\" is not a whole number"},
    {RECORD_CAMPAIGN, campaign, "weight", " 2", "\" 2\" is not a whole number"},
    {RECORD_CAMPAIGN, sponsor, "share", "33.3333", NULL},
    {RECORD_CAMPAIGN, sponsor, "share", "100", NULL},
    {RECORD_CAMPAIGN, sponsor, "share", "0.0001", NULL},
    {RECORD_CAMPAIGN, sponsor, "share", "0", "0 is out of range"},
    {RECORD_CAMPAIGN, sponsor, "share", "100.0001", "100.0001 is out of range"},
    {RECORD_CAMPAIGN, sponsor, "share", "1.00001", "1.00001 has more than 4 digits behind the"},
    {RECORD_CAMPAIGN, sponsor, "share", "10%", "\"10%\" is not a decimal number"},
    {RECORD_CAMPAIGN, campaign, "share", "10", "tier standard has no shares"},
    {RECORD_CAMPAIGN, campaign, "slots", "header,post-top", NULL},
    {RECORD_CAMPAIGN, campaign, "slots", "", "it is missing"},
    {RECORD_CAMPAIGN, campaign, "slots", "Header", "\"Header\" is not a slot's id"},
    {RECORD_CAMPAIGN, campaign, "slots", "*,header", "\"*\" is not a slot's id"},
    {RECORD_CAMPAIGN, campaign, "slots", "!header", "\"!header\" is not a slot's id"},
    {RECORD_CAMPAIGN, campaign, "slots", "header,header", "\"header\" stands in the list twice"},
    {RECORD_CAMPAIGN, campaign, "timezone", "Europe/Berlin", NULL},
    {RECORD_CAMPAIGN, campaign, "timezone", "CEST", "\"CEST\" is not a time zone"},
    {RECORD_CAMPAIGN, campaign, "timezone", "../../etc/passwd",
     "\"../../etc/passwd\" is not a time zone"},
    {RECORD_CAMPAIGN, campaign, "start", "2026-07-01T00:00:00", NULL},
    {RECORD_CAMPAIGN, campaign, "start", "July", "\"July\" is not a time"},
    {RECORD_CAMPAIGN, campaign, "end", "2026-07-01T00:00:00+02:00", NULL},
    {RECORD_CAMPAIGN, campaign, "end", "2026-06-31T00:00:00Z",
     "\"2026-06-31T00:00:00Z\" is a date that does not exist"},
    {RECORD_CAMPAIGN, dated, "end", "2026-07-01T00:00:00.000001Z", NULL},
    {RECORD_CAMPAIGN, dated, "end", "2026-07-01T00:00:00Z", "it is not after `start`"},
    {RECORD_CAMPAIGN, dated, "end", "2026-06-30T23:59:59Z", "it is not after `start`"},
    {RECORD_CAMPAIGN, campaign, "goal_impressions", "10000", NULL},
    {RECORD_CAMPAIGN, campaign, "goal_impressions", "0", "0 is out of range"},
    {RECORD_CAMPAIGN, campaign, "goal_clicks", "1000000000000", NULL},
    {RECORD_CAMPAIGN, campaign, "goal_clicks", "1000000000001", "1000000000001 is out of range"},
    {RECORD_CAMPAIGN, campaign, "daily_impressions", "1", NULL},
    {RECORD_CAMPAIGN, campaign, "daily_impressions", "many", "\"many\" is not a whole number"},
    {RECORD_CAMPAIGN, campaign, "pacing", "asap", NULL},
    {RECORD_CAMPAIGN, campaign, "pacing", "fast", "\"fast\" is not one of its words"},
    {RECORD_CAMPAIGN, campaign, "cpm", "1.37", NULL},
    {RECORD_CAMPAIGN, campaign, "cpm", "0", NULL},
    {RECORD_CAMPAIGN, campaign, "cpm", "1000000000", NULL},
    {RECORD_CAMPAIGN, campaign, "cpm", "1000000000.000001", "1000000000.000001 is out of range"},
    {RECORD_CAMPAIGN, campaign, "cpm", "1.1234567", "1.1234567 has more than 6 digits behind the"},
    {RECORD_CAMPAIGN, campaign, "cpm", "1,37", "\"1,37\" is not a decimal number"},
    {RECORD_CAMPAIGN, campaign, "cpc", "0.5", NULL},
    {RECORD_CAMPAIGN, campaign, "cpc", "-0.5", "\"-0.5\" is not a decimal number"},
    {RECORD_CAMPAIGN, campaign, "budget", "250", NULL},
    {RECORD_CAMPAIGN, campaign, "budget", "0.00", "a budget of 0 buys nothing"},
    {RECORD_CAMPAIGN, campaign, "daily_budget", "0.000001", NULL},
    {RECORD_CAMPAIGN, campaign, "daily_budget", "ten", "\"ten\" is not a decimal number"},
    {RECORD_CAMPAIGN, campaign, "caps", "1/10m,3/1d,10/lifetime", NULL},
    {RECORD_CAMPAIGN, campaign, "caps", "3/day", "the period of \"3/day\" is not allowed"},
    {RECORD_CAMPAIGN, campaign, "exclusions", "cars,Banks.2", NULL},
    {RECORD_CAMPAIGN, campaign, "exclusions", "red cars", "\"red cars\" is not a label"},
    {RECORD_CAMPAIGN, campaign, "roadblock", "off", NULL},
    {RECORD_CAMPAIGN, campaign, "roadblock", "any", NULL},
    {RECORD_CAMPAIGN, campaign, "roadblock", "yes", "\"yes\" is not one of its words"},
    {RECORD_CAMPAIGN, campaign, "countries", "DE,!AT", NULL},
    {RECORD_CAMPAIGN, campaign, "countries", "DE,UK", "\"UK\" is not a country"},
    {RECORD_CAMPAIGN, campaign, "regions", "DE-BY", NULL},
    {RECORD_CAMPAIGN, campaign, "regions", "Bayern", "\"Bayern\" is not a region"},
    {RECORD_CAMPAIGN, campaign, "devices", "!mobile", NULL},
    {RECORD_CAMPAIGN, campaign, "devices", "phone", "\"phone\" is not a device"},
    {RECORD_CAMPAIGN, campaign, "browsers", "firefox", NULL},
    {RECORD_CAMPAIGN, campaign, "browsers", "lynx", "\"lynx\" is not a browser"},
    {RECORD_CAMPAIGN, campaign, "os", "linux", NULL},
    {RECORD_CAMPAIGN, campaign, "os", "debian", "\"debian\" is not an operating system"},
    {RECORD_CAMPAIGN, campaign, "languages", "de,pt-BR", NULL},
    {RECORD_CAMPAIGN, campaign, "languages", "de_DE", "\"de_DE\" is not a language"},
    {RECORD_CAMPAIGN, campaign, "domains", "example.com", NULL},
    {RECORD_CAMPAIGN, campaign, "domains", "example.com/x", "\"example.com/x\" is not a host name"},
    {RECORD_CAMPAIGN, campaign, "paths", "/news/*,!/news/old/*", NULL},
    {RECORD_CAMPAIGN, campaign, "paths", "news", "\"news\" is not a path"},
    {RECORD_CAMPAIGN, campaign, "referrers", "search.example", NULL},
    {RECORD_CAMPAIGN, campaign, "referrers", "a b", "\"a b\" is not a host name"},
    {RECORD_CAMPAIGN, campaign, "keywords", "red shoes,!used", NULL},
    {RECORD_CAMPAIGN, campaign, "keywords", "a\tb", "\"a\\x09b\" is not a text that is allowed"},
    {RECORD_CAMPAIGN, campaign, "hours", "mon-fri 09-18,fri 22-02", NULL},
    {RECORD_CAMPAIGN, campaign, "hours", "9 to 5", "\"9 to 5\" is not a time of the week"},
    {RECORD_CAMPAIGN, campaign, "kv.section", "sport,!betting", NULL},
    {RECORD_CAMPAIGN, campaign, "kv.a.b_C-9", "x", NULL},
    {RECORD_CAMPAIGN, campaign, "kv.", "x", "\"\" is not a key-value's name"},
    {RECORD_CAMPAIGN, campaign, "kv.a b", "x", "\"a b\" is not a key-value's name"},
    {RECORD_CAMPAIGN, campaign, "kv.section", "a,,b", "item 2 of the list is empty"},
};

static const struct row creative_values[] = {
    {RECORD_CREATIVE, image, "campaign", "other", NULL},
    {RECORD_CREATIVE, image, "campaign", "", "it is missing"},
    {RECORD_CREATIVE, image, "campaign", "Spring", "\"Spring\" is not an id"},
    {RECORD_CREATIVE, image, "type", "image", NULL},
    {RECORD_CREATIVE, image, "type", "", "it is missing"},
    {RECORD_CREATIVE, image, "type", "video", "\"video\" is not one of its words"},
    {RECORD_CREATIVE, image, "size", "1x8192", NULL},
    {RECORD_CREATIVE, image, "size", "", "type image needs it"},
    {RECORD_CREATIVE, image, "size", "970x250,1x1", "\"970x250,1x1\" is not a size"},
    {RECORD_CREATIVE, html, "size", "", "type html needs it"},
    {RECORD_CREATIVE, text, "size", "970x250", "type text does not have it"},
    {RECORD_CREATIVE, image, "image", "https://cdn.example/a.png", NULL},
    {RECORD_CREATIVE, image, "image", "", "type image needs it"},
    {RECORD_CREATIVE, image, "image", "a.png", "\"a.png\" does not begin with http:// or https://"},
    {RECORD_CREATIVE, image, "image", "/a.png?r={random}", NULL},
    {RECORD_CREATIVE, image, "image", "{slot}.png",
     "\"xxxxxx.png\" does not begin with http:// or https://"},
    {RECORD_CREATIVE, html, "image", "/a.png", "type html does not have it"},
    {RECORD_CREATIVE, text, "image", "/a.png", "type text does not have it"},
    {RECORD_CREATIVE, image, "alt", "A tulip", NULL},
    {RECORD_CREATIVE, image, "alt", "a\rb", "byte 2 begins a control character, U+000D"},
    {RECORD_CREATIVE, html, "alt", "A tulip", "type html does not have it"},
    {RECORD_CREATIVE, text, "alt", "A tulip", "type text does not have it"},
    {RECORD_CREATIVE, html, "html", "<p>\r\n\t<b>x</b>{color:red}</p>", NULL},
    {RECORD_CREATIVE, html, "html", "", "type html needs it"},
    {RECORD_CREATIVE, html, "html", "a\x1b", "byte 2 begins a control character, U+001B"},
    {RECORD_CREATIVE, html, "html", "\xf5", "byte 1 is not UTF-8"},
    {RECORD_CREATIVE, html, "html", "{page_url}{page_url:html}", NULL},
    {RECORD_CREATIVE, html, "html", "{click_url=https://a.example/}",
     "{click_url=https://a.example/}: \"a.example\" is neither in click_domains nor"},
    {RECORD_CREATIVE, image, "html", "<b>", "type image does not have it"},
    {RECORD_CREATIVE, text, "html", "<b>", "type text does not have it"},
    {RECORD_CREATIVE, text, "title", "More tulips", NULL},
    {RECORD_CREATIVE, text, "title", "", "type text needs it"},
    {RECORD_CREATIVE, text, "title", T1024 "x", "it has 1025 bytes"},
    {RECORD_CREATIVE, image, "title", "x", "type image does not have it"},
    {RECORD_CREATIVE, html, "title", "x", "type html does not have it"},
    {RECORD_CREATIVE, text, "body", "Now half price", NULL},
    {RECORD_CREATIVE, text, "body", "a\nb", "byte 2 begins a control character, U+000A"},
    {RECORD_CREATIVE, image, "body", "x", "type image does not have it"},
    {RECORD_CREATIVE, text, "cta", "Buy", NULL},
    {RECORD_CREATIVE, text, "cta", "\xff", "byte 1 is not UTF-8"},
    {RECORD_CREATIVE, html, "cta", "x", "type html does not have it"},
    {RECORD_CREATIVE, image, "landing", "http://shop.example:8080/a?b=c#d", NULL},
    {RECORD_CREATIVE, image, "landing", "", "type image needs it"},
    {RECORD_CREATIVE, text, "landing", "", "type text needs it"},
    {RECORD_CREATIVE, html, "landing", "https://shop.example/", NULL},
    {RECORD_CREATIVE, image, "landing", "javascript:alert(1)",
     "\"javascript:alert(1)\" does not begin with http:// or https://"},
    {RECORD_CREATIVE, image, "landing", "https://a@shop.example/",
     "the address holds a user name or password"},
    {RECORD_CREATIVE, image, "landing", "https://shop.example/?r={request}", NULL},
    {RECORD_CREATIVE, html, "click_domains", "a.example,b.example", NULL},
    {RECORD_CREATIVE, html, "click_domains", "!a.example", "\"!a.example\" is not a host name"},
    {RECORD_CREATIVE, html, "click_domains", "https://a.example",
     "\"https://a.example\" is not a host name"},
    {RECORD_CREATIVE, image, "click_domains", "a.example", "type image does not have it"},
    {RECORD_CREATIVE, text, "click_domains", "a.example", "type text does not have it"},
    {RECORD_CREATIVE, image, "weight", "3", NULL},
    {RECORD_CREATIVE, image, "weight", "0", "0 is out of range"},
    {RECORD_CREATIVE, image, "caps", "1/1h", NULL},
    {RECORD_CREATIVE, image, "caps", "1/1h,2/60m", "the period of \"2/60m\" stands there twice"},
    {RECORD_CREATIVE, image, "status", "paused", NULL},
    {RECORD_CREATIVE, image, "status", "deleted", "\"deleted\" is not one of its words"},
};

static const char *allowed_of(enum record_kind kind, const char *name)
{
    unsigned count;
    const struct record_form_row *rows = record_forms(kind, &count);
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(rows[i].name);
        if (strcmp(rows[i].name, name) == 0 ||
            (rows[i].name[len - 1] == '.' && strncmp(rows[i].name, name, len) == 0))
            return rows[i].allowed;
    }
    fail_msg("no row for %s", name);
    return "";
}

static void check_row(const struct row *row)
{
    char begin[ERR_TEXT_MAX], end[ERR_TEXT_MAX];
    struct slice said =
        slice_cstr(refusal_of(row->kind, "a", with(row->base, row->name, row->value)));
    if (!row->wrong) {
        assert_slice(said, "");
        return;
    }
    (void)snprintf(begin, sizeof begin, "%s: %s", row->name, row->wrong);
    (void)snprintf(end, sizeof end, "; allowed: %s", allowed_of(row->kind, row->name));
    if (!slice_starts(said, slice_cstr(begin)) || !slice_ends(said, slice_cstr(end)))
        fail_msg("%s=%s: \"%s\", not \"%s...%s\"", row->name, row->value, said.ptr, begin, end);
}

static void test_values_of_slots(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof slot_values / sizeof *slot_values; i++)
        check_row(&slot_values[i]);
}

static void test_values_of_campaigns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof campaign_values / sizeof *campaign_values; i++)
        check_row(&campaign_values[i]);
}

static void test_values_of_creatives(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof creative_values / sizeof *creative_values; i++)
        check_row(&creative_values[i]);
}

/* Each field stands in the tables above with a good value and a bad one. */
static bool is_tested(enum record_kind kind, const struct record_form_row *row, bool wrong)
{
    static const struct {
        const struct row *rows;
        size_t count;
    } tables[] = {
        {slot_values, sizeof slot_values / sizeof *slot_values},
        {campaign_values, sizeof campaign_values / sizeof *campaign_values},
        {creative_values, sizeof creative_values / sizeof *creative_values},
    };
    for (size_t i = 0; i < tables[kind].count; i++) {
        const struct row *tested = &tables[kind].rows[i];
        if (strncmp(tested->name, row->name, strlen(row->name)) == 0 && wrong == !!tested->wrong)
            return true;
    }
    return false;
}

static void test_every_row(void **state)
{
    (void)state;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        unsigned count;
        const struct record_form_row *rows = record_forms(kind, &count);
        for (unsigned i = 0; i < count; i++) {
            assert_true(strlen(rows[i].allowed) > 0);
            assert_true(rows[i].preset[0] == '\0' || !rows[i].required);
            if (!is_tested(kind, &rows[i], false) || !is_tested(kind, &rows[i], true))
                fail_msg("%s is not tested", rows[i].name);
        }
    }
}

/* The fields that the contract names. */
static void test_the_fields_are_those_of_the_contract(void **state)
{
    static const char *const names[RECORD_KIND_COUNT] = {
        "name sizes domains status",
        "name advertiser status tier weight share slots timezone start end goal_impressions "
        "goal_clicks daily_impressions pacing cpm cpc budget daily_budget caps exclusions roadblock "
        "countries regions devices browsers os languages domains paths referrers keywords hours kv.",
        "campaign type size image alt html title body cta landing click_domains weight caps status",
    };
    (void)state;
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        char all[1024] = "";
        unsigned count;
        const struct record_form_row *rows = record_forms(kind, &count);
        for (unsigned i = 0; i < count; i++) {
            strcat(all, i > 0 ? " " : "");
            strcat(all, rows[i].name);
        }
        assert_string_equal(all, names[kind]);
    }
}

static void test_defaults(void **state)
{
    (void)state;
    struct slot *a = make_slot("header", FIELDS());
    assert_slice(a->id, "header");
    assert_slice(a->name, "");
    assert_int_equal(a->status, STATUS_ACTIVE);
    assert_int_equal(a->size_count, 0);
    assert_int_equal(a->domains.count, 0);
    slot_release(a);

    struct campaign *b = make_campaign("spring", FIELDS("slots", "*"));
    assert_int_equal(b->status, STATUS_ACTIVE);
    assert_int_equal(b->tier, TIER_STANDARD);
    assert_int_equal(b->weight, 1);
    assert_int_equal(b->share_ppm, 0);
    assert_true(b->all_slots);
    assert_int_equal(b->slots.count, 0);
    assert_true(b->start_us == TIME_UNSET && b->end_us == TIME_UNSET);
    assert_slice(zone_name(b->zone), "UTC");
    assert_int_equal(b->cpm_micro, 0);
    assert_int_equal(b->cpc_micro, 0);
    assert_int_equal(b->caps.count, 0);
    campaign_release(b);

    struct creative *c = make_image("spring-970", "spring", "970x250", FIELDS());
    assert_int_equal(c->status, STATUS_ACTIVE);
    assert_int_equal(c->weight, 1);
    assert_int_equal(c->caps.count, 0);
    assert_int_equal(c->content.pieces.count, 0);
    creative_release(c);
}

static void test_a_whole_slot(void **state)
{
    (void)state;
    struct slot *a =
        make_slot("header", FIELDS("name", "Header", "sizes", "970x250, 728x90", "domains",
                                   "b.example,!c.b.example", "status", "paused"));
    assert_slice(a->name, "Header");
    assert_int_equal(a->size_count, 2);
    assert_int_equal(a->sizes[1].width, 728);
    assert_int_equal(a->sizes[1].height, 90);
    assert_int_equal(a->domains.count, 2);
    assert_slice(a->domains.item[0], "!c.b.example");
    assert_slice(a->domains.item[1], "b.example");
    assert_int_equal(a->status, STATUS_PAUSED);
    slot_release(a);
}

static void test_a_whole_campaign(void **state)
{
    (void)state;
    struct campaign *a =
        make_campaign("spring", FIELDS("caps", "3/1d,1/lifetime", "end", "2026-10-25T02:30:00",
                                       "start", "2026-07-01T00:00:00", "timezone", "Europe/Berlin",
                                       "slots", "post-top,header", "share", "12.3456", "weight",
                                       "7", "tier", "sponsorship", "status", "paused", "advertiser",
                                       "Tulips & Co.", "name", "Spring", "cpm", "1.37", "cpc",
                                       "0.000001", "pacing", "front", "roadblock", "off"));
    assert_slice(a->name, "Spring");
    assert_slice(a->advertiser, "Tulips & Co.");
    assert_int_equal(a->status, STATUS_PAUSED);
    assert_int_equal(a->tier, TIER_SPONSORSHIP);
    assert_int_equal(a->weight, 7);
    assert_int_equal(a->share_ppm, 123456);
    assert_false(a->all_slots);
    assert_int_equal(a->slots.count, 2);
    assert_slice(a->slots.item[0], "header");
    assert_slice(a->slots.item[1], "post-top");
    assert_int_equal(a->start_us, INT64_C(1782856800) * 1000000);
    assert_int_equal(a->end_us, INT64_C(1792888200) * 1000000);
    assert_slice(zone_name(a->zone), "Europe/Berlin");
    assert_int_equal(a->cpm_micro, 1370000);
    assert_int_equal(a->cpc_micro, 1);
    assert_int_equal(a->caps.count, 2);
    campaign_release(a);
}

static void test_an_empty_value_is_none(void **state)
{
    (void)state;
    struct campaign *a =
        make_campaign("a", FIELDS("slots", "*", "weight", "", "start", "", "timezone", "", "share",
                                  "", "caps", "", "kv.section", ""));
    assert_int_equal(a->weight, 1);
    assert_slice(zone_name(a->zone), "UTC");
    campaign_release(a);
    creative_release(make_creative("a", with(image, "title", "")));
}

static void test_messages(void **state)
{
    (void)state;
    assert_string_equal(refusal_of(RECORD_SLOT, "header", FIELDS("size", "1x1")),
                        "size: a slot has no such field; allowed: name, sizes, domains, status");
    assert_string_equal(
        refusal_of(RECORD_CREATIVE, "a", FIELDS("wei\nght", "1")),
        "wei\\x0aght: a creative has no such field; allowed: campaign, type, size, image, alt, html, "
        "title, body, cta, landing, click_domains, weight, caps, status");
    assert_true(slice_ends(slice_cstr(refusal_of(RECORD_CAMPAIGN, "a", FIELDS("kv", "1"))),
                           SLICE("keywords, hours, kv.<name>")));
    assert_string_equal(refusal_of(RECORD_SLOT, "header", FIELDS("name", "a", "name", "b")),
                        "name: the field is given twice; allowed: once");
    assert_string_equal(refusal_of(RECORD_CAMPAIGN, "spring", FIELDS()),
                        "slots: it is missing; allowed: ids of slots, or * for all slots");
    assert_string_equal(refusal_of(RECORD_CAMPAIGN, "spring", FIELDS("slots", "*", "tier", "gold")),
                        "tier: \"gold\" is not one of its words; allowed: sponsorship, standard, "
                        "remnant or house");
    assert_string_equal(refusal_of(RECORD_SLOT, "No Id", FIELDS()),
                        ": \"No Id\" is not an id; allowed: 1 to 64 of a-z, 0-9, `.`, `_` and `-`, "
                        "the first one a letter or digit");
    assert_true(slice_starts(slice_cstr(refusal_of(RECORD_CREATIVE, "a",
                                                   FIELDS("campaign", "b", "type", "html", "size",
                                                          "1x1", "html", "{click_url}"))),
                             SLICE("landing: html holds {click_url} and needs it; allowed: ")));
}

static void test_the_size_of_a_record_is_limited(void **state)
{
    static char names[RECORD_FIELDS_MAX + 1][16];
    static char value[RECORD_VALUE_MAX + 2];
    const char *fields[2 * (RECORD_FIELDS_MAX + 1) + 1] = {NULL};
    (void)state;
    for (unsigned i = 0; i <= RECORD_FIELDS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "kv.a%u", i);
        fields[2 * i] = names[i];
        fields[2 * i + 1] = "x";
    }
    assert_string_equal(refusal_of(RECORD_CAMPAIGN, "a", fields),
                        ": it has 129 fields; allowed: 128");
    fields[2 * RECORD_FIELDS_MAX] = NULL;
    fields[0] = "slots";
    fields[1] = "*";
    assert_string_equal(refusal_of(RECORD_CAMPAIGN, "a", fields), "");

    memset(value, 'x', RECORD_VALUE_MAX + 1);
    assert_string_equal(refusal_of(RECORD_CREATIVE, "a", with(html, "html", value)),
                        "html: it has 65537 bytes; allowed: 65536");
    value[RECORD_VALUE_MAX] = '\0';
    assert_string_equal(refusal_of(RECORD_CREATIVE, "a", with(html, "html", value)), "");
    assert_string_equal(
        refusal_of(RECORD_CREATIVE, "a", FIELDS("html", value, "title", value, "body", "x")),
        ": its fields have 131086 bytes in all; allowed: 131072");
}

static void test_the_entry_keeps_nothing_of_the_record(void **state)
{
    char id[] = "header", name[] = "name", value[] = "Header", sizes[] = "sizes", list[] = "1x2";
    struct record_field fields[] = {{slice_cstr(name), slice_cstr(value)},
                                    {slice_cstr(sizes), slice_cstr(list)}};
    struct record record = {RECORD_SLOT, slice_cstr(id), fields, 2};
    struct err err;
    (void)state;
    struct slot *a = record_compile_slot(&record, &err);
    assert_non_null(a);
    memset(id, 'x', sizeof id);
    memset(value, 'x', sizeof value);
    memset(list, 'x', sizeof list);
    assert_slice(a->id, "header");
    assert_slice(a->name, "Header");
    assert_int_equal(a->sizes[0].height, 2);
    slot_release(a);
}

static void test_parts_for_others(void **state)
{
    struct caps caps;
    int64_t number = 0;
    struct err err = {"", ""};
    (void)state;
    assert_true(record_parse_caps(SLICE("3/1d"), SLICE("campaign/a"), &caps, &err));
    assert_int_equal(caps.item[0].count, 3);
    assert_false(record_parse_caps(SLICE("3"), SLICE("campaign/a"), &caps, &err));
    assert_true(slice_starts(slice_cstr(err.text), SLICE("\"3\" is not a cap; allowed: up to 8 ")));

    assert_true(record_parse_money(SLICE("0.25"), &number, &err));
    assert_int_equal(number, 250000);
    assert_false(record_parse_money(SLICE("x"), &number, &err));
    assert_string_equal(err.text,
                        "\"x\" is not a decimal number; allowed: a decimal number from 0 to "
                        "1000000000, at most 6 digits behind the point");

    assert_true(record_parse_time(SLICE("1970-01-01T00:00:01Z"), SLICE("UTC"), &number, &err));
    assert_int_equal(number, 1000000);
    assert_false(record_parse_time(SLICE("now"), SLICE("UTC"), &number, &err));
    assert_true(
        slice_starts(slice_cstr(err.text), SLICE("\"now\" is not a time; allowed: RFC 3339")));
    assert_false(record_parse_time(SLICE("2026-07-01T00:00:00"), SLICE("Mars"), &number, &err));
    assert_string_equal(err.text, "\"Mars\" is not a time zone");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_slots),
        cmocka_unit_test(test_values_of_campaigns),
        cmocka_unit_test(test_values_of_creatives),
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_the_fields_are_those_of_the_contract),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_a_whole_slot),
        cmocka_unit_test(test_a_whole_campaign),
        cmocka_unit_test(test_an_empty_value_is_none),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_the_size_of_a_record_is_limited),
        cmocka_unit_test(test_the_entry_keeps_nothing_of_the_record),
        cmocka_unit_test(test_parts_for_others),
    };
    return cmocka_run_group_tests_name("decision/record", tests, NULL, NULL);
}
