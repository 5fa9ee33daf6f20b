#include "ctl/command.h"

#include "base/check.h"

#define SLOTS     (1u << RECORD_SLOT)
#define CAMPAIGNS (1u << RECORD_CAMPAIGN)
#define CREATIVES (1u << RECORD_CREATIVE)
#define ALL_KINDS (SLOTS | CAMPAIGNS | CREATIVES)

const struct command_flag_row command_flags[] = {
    {"dry-run", FLAG_DRY_RUN, "shows what would change and writes nothing", NULL},
    {"json", FLAG_JSON, "prints JSON", NULL},
    {"no-js", FLAG_NO_JS, "for pages without JavaScript, feeds and newsletters", NULL},
    {"force", FLAG_FORCE, "deletes a slot although campaigns name it", NULL},
    {"with-creatives", FLAG_WITH_CREATIVES, "deletes a campaign's creatives as well", NULL},
    {"days", FLAG_DAYS, "how many days of the log, up to its newest request; 7", "N"},
    {"slot", FLAG_DESCRIPTION, "a slot of the page, up to 16 times", "ID[:WIDTH]"},
    {"width", FLAG_DESCRIPTION, "pixels available to slots without a width of their own", "N"},
    {"url", FLAG_DESCRIPTION, "the page's address", "URL"},
    {"ref", FLAG_DESCRIPTION, "the address of the page before", "URL"},
    {"kw", FLAG_DESCRIPTION, "the page's keywords, comma separated", "LIST"},
    {"kv", FLAG_DESCRIPTION, "a key-value of the page, as often as needed", "NAME=VALUE"},
    {"ua", FLAG_DESCRIPTION, "the browser's User-Agent", "TEXT"},
    {"lang", FLAG_DESCRIPTION, "its Accept-Language, or one language", "TEXT"},
    {"ip", FLAG_DESCRIPTION, "the viewer's address", "ADDRESS"},
    {"uid", FLAG_DESCRIPTION, "the viewer's first-party id", "ID"},
    {"consent", FLAG_DESCRIPTION, "a consent string", "TEXT"},
    {"at", FLAG_DESCRIPTION, "a moment other than now, RFC 3339", "TIME"},
    {"campaign", FLAG_CAMPAIGN, "the only campaign to tell about", "ID"},
    {"advertiser", FLAG_REPORT, "only campaigns of this advertiser", "TEXT"},
    {"from", FLAG_FROM,
     "report: the first day, or RFC 3339; six days before the end. events: "
     "RFC 3339, or an entry's id; the oldest there is",
     "TIME"},
    {"to", FLAG_REPORT, "the last day, or RFC 3339; now", "TIME"},
    {"timezone", FLAG_REPORT, "whose days; UTC", "NAME"},
    {"by", FLAG_REPORT, "hour, day, slot, creative, campaign or advertiser; day", "WORD"},
    {"format", FLAG_FORMAT, "report: table, csv or json; table. events: ndjson or csv; ndjson",
     "WORD"},
    {"follow", FLAG_FOLLOW, "goes on with what is added, until it is ended", NULL},
    {"out", FLAG_OUT, "writes files into this directory, each event once", "DIR"},
    {"file-bytes", FLAG_FILE_BYTES, "a file is full then; 67108864", "N"},
    {"since", FLAG_SINCE, "the day from which hours are looked for; three years ago", "DATE"},
    {"stats", FLAG_STATS, "a server's statistics, http://127.0.0.1:8081/stats", "URL"},
    {"once", FLAG_ONCE, "prints one picture and ends", NULL},
    {"interval", FLAG_INTERVAL, "seconds between two looks, 1 to 60; 1", "N"},
    {NULL, 0, NULL, NULL},
};

static const struct command table[] = {
    {
        .noun = "import",
        .args = "FILE",
        .min = 1,
        .max = 1,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .run = command_import,
        .summary = "writes what a JSON file describes, all or nothing",
        .details = "FILE is what export prints; - is standard input. Each object describes its "
                   "entry whole: a field that is not in it is removed from Redis. Entries that "
                   "are not in the file stay as they are. All mistakes are told, each with its "
                   "place, and nothing is written when there is one. What changes is printed "
                   "field by field, with its old and its new value.",
    },
    {
        .noun = "export",
        .args = "",
        .wants_redis = true,
        .run = command_export,
        .summary = "prints all slots, campaigns and creatives as JSON",
        .details = "The order is always the same, and import takes it. Exits 1 when import would "
                   "not: with entries that have mistakes, or that JSON can't hold. Each is told; "
                   "the others are printed.",
    },
    {
        .noun = "validate",
        .args = "",
        .wants_redis = true,
        .run = command_validate,
        .summary = "checks every entry in Redis",
        .details = "Mistakes go to standard error: servers refuse such an entry and serve its last "
                   "good version. Notes go to standard output: entries that point nowhere, active "
                   "campaigns without an active creative, fields without effect yet. Exits 1 when "
                   "there is a mistake.",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "list",
        .args = "",
        .flags = FLAG_JSON,
        .wants_redis = true,
        .run = command_list,
        .summary = "prints a table of all of them",
        .details = "",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "show",
        .args = "ID",
        .min = 1,
        .max = 1,
        .flags = FLAG_JSON,
        .wants_redis = true,
        .run = command_show,
        .summary = "prints the fields of one, and a campaign's creatives",
        .details = "",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "create",
        .args = "ID [field=value...]",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .shows_fields = true,
        .run = command_create,
        .summary = "makes a new one",
        .details = "Lists are comma separated.",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "set",
        .args = "ID field=value...",
        .min = 2,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .shows_fields = true,
        .run = command_set,
        .summary = "changes fields of one",
        .details = "Lists are comma separated. An empty value (cpm=) removes the field.",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "pause",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .run = command_pause,
        .summary = "sets status to paused",
        .details = "",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "resume",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .run = command_resume,
        .summary = "sets status to active",
        .details = "",
    },
    {
        .kinds = ALL_KINDS,
        .verb = "archive",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .run = command_archive,
        .summary = "sets status to archived; a slot is refused",
        .details = "A slot is active or paused.",
    },
    {
        .kinds = SLOTS,
        .verb = "delete",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN | FLAG_FORCE,
        .wants_redis = true,
        .run = command_delete,
        .summary = "deletes slots; refused while campaigns name them",
        .details = "",
    },
    {
        .kinds = CAMPAIGNS,
        .verb = "delete",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN | FLAG_WITH_CREATIVES,
        .wants_redis = true,
        .run = command_delete,
        .summary = "deletes campaigns; refused while they have creatives",
        .details = "What has been counted stays.",
    },
    {
        .kinds = CREATIVES,
        .verb = "delete",
        .args = "ID...",
        .min = 1,
        .max = COMMAND_ARGS_MAX,
        .flags = FLAG_DRY_RUN,
        .wants_redis = true,
        .run = command_delete,
        .summary = "deletes creatives",
        .details = "What has been counted stays.",
    },
    {
        .noun = "snippet",
        .args = "SLOT",
        .min = 1,
        .max = 1,
        .flags = FLAG_NO_JS,
        .wants_redis = true,
        .run = command_snippet,
        .summary = "prints what to paste into a page",
        .details = "The address is server.public_url; the height reserved is that of the slot's "
                   "highest size, so that nothing on the page moves.",
    },
    {
        .noun = "explain",
        .args = "",
        .flags = FLAG_DESCRIPTION | FLAG_CAMPAIGN | FLAG_JSON,
        .wants_redis = true,
        .run = command_explain,
        .summary = "tells of each campaign why it is served to a described request, or why not",
        .details = "Decides as a server does, a thousand times from a fixed seed, and counts "
                   "nothing. One of these draws is shown: a campaign is served, or the first "
                   "reason why not is told with its figures; DRAWS says in how many it was "
                   "served. What is not described is not known. A viewer of which neither "
                   "--uid nor both --ip and --ua are told is new. Needs no running server; it "
                   "reads redis.*, viewer.*, bots.list and geo.database of the configuration. A "
                   "user agent that is no person's browser is told on standard error; the answer "
                   "is what a person would get.",
    },
    {
        .noun = "forecast",
        .args = "FILE",
        .min = 1,
        .max = 1,
        .flags = FLAG_JSON | FLAG_DAYS,
        .wants_redis = true,
        .run = command_forecast,
        .summary = "tells what a campaign would have delivered, and at whose cost",
        .details = "FILE describes one campaign with its creatives, in the form of import; nothing "
                   "is written. The requests that the servers have logged "
                   "(forecast.sample_ppm) are decided twice by the code that serves: with the "
                   "catalog as it is, and with the campaign in it, or in place of the one of its "
                   "id. It is taken to begin when the log begins and to run as long as it would. "
                   "Exits 1 when there is no log.",
    },
    {
        .noun = "report",
        .args = "",
        .flags = FLAG_CAMPAIGN | FLAG_REPORT | FLAG_FROM | FLAG_FORMAT,
        .wants_redis = true,
        .run = command_report,
        .summary = "prints what was counted, added up by time, place or owner",
        .details =
            "Serves, impressions, viewable rate, clicks, CTR, conversions, spend, eCPM and what was "
            "filtered, with a row for all. --campaign may be given more than once. An hour belongs "
            "to the day it begins in. CSV is RFC 4180, and a text that a spreadsheet could take for "
            "a formula has an apostrophe before it. JSON and CSV are what /api/v1/reports answers.",
    },
    {
        .noun = "events",
        .args = "",
        .flags = FLAG_CAMPAIGN | FLAG_FROM | FLAG_FORMAT | FLAG_FOLLOW | FLAG_OUT | FLAG_FILE_BYTES,
        .wants_redis = true,
        .run = command_events,
        .summary = "prints the events in the streams, or keeps them as files",
        .details =
            "Servers add to the streams where events.stream is on. --campaign may be given more "
            "than once; without it all campaigns are read, each in its order. With --out each "
            "campaign has a directory with files of its own, one an hour (UTC) or as long as "
            "--file-bytes, and the last line tells how far it has got: ended in whatever way, the "
            "same command goes on there, and no event is lost or comes twice as long as its stream "
            "holds it. Events that had gone from a stream before they were read are told on "
            "standard error, with how many they were; then, or where entries can't be read, it "
            "exits 1 in the end. --follow waits for Redis where that goes away; an interrupt or "
            "SIGTERM ends it.",
    },
    {
        .noun = "reconcile",
        .args = "",
        .flags = FLAG_CAMPAIGN | FLAG_STATS | FLAG_JSON,
        .wants_redis = true,
        .run = command_reconcile,
        .summary = "checks that hours, packed days and sums agree",
        .details =
            "For each campaign and metric: all hours and packed days together are the campaign's "
            "sum, ad:total. Nothing may be counted meanwhile. --stats compares the server as "
            "well, or all of them together, addresses separated by commas: their counts are those "
            "since they were started, so they can only be compared where none is missing and all "
            "began when nothing had been counted. Exits 1 with a line for each difference.",
    },
    {
        .noun = "compact",
        .args = "",
        .flags = FLAG_SINCE,
        .wants_redis = true,
        .run = command_compact,
        .summary = "packs the hours of closed days",
        .details = "A server does so by itself, a little at a time: days that ended "
                   "reports.compact_after ago. No number changes.",
    },
    {
        .noun = "top",
        .args = "",
        .flags = FLAG_STATS | FLAG_ONCE | FLAG_INTERVAL,
        .wants_redis = true,
        .run = command_top,
        .summary = "shows live what is being served",
        .details = "For each campaign what was counted a second of late, the busiest first. With "
                   "--stats also how many slots are filled, and how long answers take. q ends it.",
    },
    {
        .noun = "keys",
        .verb = "rotate",
        .args = "",
        .run = command_rotate_keys,
        .summary = "makes a new signing key",
        .details = "Works on the key ring file, tokens.keyring or keyring in server.state_dir, and "
                   "needs no Redis. Servers notice by themselves. Old keys stay good for "
                   "tokens.page_ttl, and for click ids conversions.click_window longer; they are "
                   "kept until then, and the file holds 64.",
    },
};

#define COMMANDS (sizeof table / sizeof *table)

const struct command *command_table(unsigned *ret_count)
{
    *ret_count = COMMANDS;
    return table;
}

/* ---- Finding --------------------------------------------------------------------------------- */

static bool is_noun(const struct command *command, const char *word, enum record_kind *ret_kind)
{
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        if (!(command->kinds & 1u << kind) || strcmp(record_kind_words[kind], word) != 0)
            continue;
        *ret_kind = (enum record_kind)kind;
        return true;
    }
    return command->noun && strcmp(command->noun, word) == 0;
}

static void add_word(struct err *err, const char *word)
{
    size_t len = strlen(err->text);
    (void)snprintf(err->text + len, sizeof err->text - len, " %s", word);
}

/* The verbs that `noun` has. */
static const struct command *refuse_verb(const char *noun, const char *verb, struct err *err)
{
    enum record_kind kind;
    (void)err_at(err, "%s%s%s", noun, verb ? " " : "", verb ? err_quote(slice_cstr(verb)) : "");
    (void)err_set(
        err, verb ? "there is no such command; allowed: %s" : "what to do is missing; allowed: %s",
        noun);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (is_noun(&table[i], noun, &kind))
            add_word(err, table[i].verb);
    }
    return NULL;
}

/* Each noun once. */
static const struct command *refuse_noun(const char *noun, struct err *err)
{
    (void)err_at(err, "%s", err_quote(slice_cstr(noun)));
    (void)err_set(err, "there is no such command; allowed:");
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
        add_word(err, record_kind_words[kind]);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (table[i].noun)
            add_word(err, table[i].noun);
    }
    return NULL;
}

const struct command *command_find(char *const *words, unsigned count, enum record_kind *ret_kind,
                                   unsigned *ret_used, struct err *err)
{
    bool noun_known = false;
    CHECK(count > 0);
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *command = &table[i];
        if (!is_noun(command, words[0], ret_kind))
            continue;
        noun_known = true;
        if (command->verb && (count < 2 || strcmp(command->verb, words[1]) != 0))
            continue;
        *ret_used = command->verb ? 2 : 1;
        return command;
    }
    if (!noun_known)
        return refuse_noun(words[0], err);
    return refuse_verb(words[0], count > 1 ? words[1] : NULL, err);
}

/* ---- Calling --------------------------------------------------------------------------------- */

const char *call_value(const struct call *call, enum command_flag flag)
{
    for (unsigned i = 0; command_flags[i].name; i++) {
        if (command_flags[i].flag == flag)
            return call->values[i];
    }
    return NULL;
}

bool command_check(const struct command *command, const struct call *call, struct err *err)
{
    const struct command_flag_row *row = command_flags;
    struct strbuf synopsis;
    while (row->name && !(call->flags & ~command->flags & (unsigned)row->flag))
        row++;
    if (!row->name && call->count >= command->min && call->count <= command->max)
        return true;
    strbuf_init(&synopsis, ERR_TEXT_MAX);
    command_add_synopsis(&synopsis, command);
    if (row->name)
        (void)err_set(err, "--%s is not for this command; allowed: %s", row->name,
                      strbuf_cstr(&synopsis));
    else
        (void)err_set(err, "%s; allowed: %s",
                      call->count < command->min ? "something is missing" : "too many arguments",
                      strbuf_cstr(&synopsis));
    strbuf_release(&synopsis);
    return false;
}

void command_add_synopsis(struct strbuf *to, const struct command *command)
{
    const char *joint = "";
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        if (!(command->kinds & 1u << kind))
            continue;
        strbuf_addf(to, "%s%s", joint, record_kind_words[kind]);
        joint = "|";
    }
    strbuf_add_cstr(to, command->noun ? command->noun : "");
    if (command->verb)
        strbuf_addf(to, " %s", command->verb);
    if (command->args[0])
        strbuf_addf(to, " %s", command->args);
    for (const struct command_flag_row *row = command_flags; row->name; row++) {
        if (command->flags & (unsigned)row->flag)
            strbuf_addf(to, " [--%s%s%s]", row->name, row->value ? " " : "",
                        row->value ? row->value : "");
    }
}
