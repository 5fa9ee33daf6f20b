#include "store/report_read.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "decision/model.h"
#include "store/report_asked.h"

struct subject {
    struct report_owner owner;
    int64_t through; /* the first hour that has not been packed; INT64_MIN: not known */
    unsigned tries;
    bool listed, counted, selected;
};

enum stage { STAGE_LIST, STAGE_OWNERS, STAGE_COUNTS, STAGE_DONE };

struct report_read {
    struct report_query query;
    struct slice prefix;
    struct arena *arena;
    struct report *report;
    struct subject *campaigns;
    uint32_t count;
    enum stage stage;
    bool list_asked, trusts_through;
    /* The stage's next command: campaign and step in it. */
    uint32_t next;
    enum report_ask step;
    int64_t at;
    unsigned runs; /* of the month `at`, still to be asked for */
    /* The order in which campaigns are read; those to be read again stand at its end. */
    uint32_t *order;
    uint32_t order_count, order_room;
    struct report_queue asked; /* without a reply yet */
    /* Of the campaign of which replies are coming. */
    char folds[32];
};

/* ---- Life ------------------------------------------------------------------------------------ */

static void add_campaign(struct report_read *read, struct slice id)
{
    read->campaigns[read->count++] = (struct subject){.owner = {.id = id}, .through = INT64_MIN};
}

static void begin_owners(struct report_read *read)
{
    read->stage = STAGE_OWNERS;
    read->next = 0;
    read->step = read->query.campaign_count > 0 ? ASK_LISTED : ASK_OWNER;
}

struct report_read *report_read_new(const struct report_query *query, struct slice prefix)
{
    struct report_read *read = check_calloc(1, sizeof *read);
    read->query = *query;
    read->prefix = prefix;
    read->arena = arena_new(0);
    read->report = report_new(query);
    if (query->campaign_count == 0)
        return read;
    read->campaigns = check_calloc(query->campaign_count, sizeof *read->campaigns);
    for (unsigned i = 0; i < query->campaign_count; i++)
        add_campaign(read, query->campaigns[i]);
    begin_owners(read);
    return read;
}

void report_read_free(struct report_read *read)
{
    if (!read)
        return;
    report_free(read->report);
    arena_free(read->arena);
    free(read->campaigns);
    free(read->order);
    report_queue_release(&read->asked);
    free(read);
}

bool report_read_done(const struct report_read *read)
{
    return read->stage == STAGE_DONE;
}

struct report *report_read_report(struct report_read *read)
{
    return read->report;
}

/* The campaign it asks of; none: of the list. */
static struct slice id_of(const struct report_read *read, const struct report_asked *asked)
{
    return asked->kind == ASK_LIST ? slice_of(NULL, 0) : read->campaigns[asked->campaign].owner.id;
}

/* ---- What is asked next ---------------------------------------------------------------------- */

static bool next_owner(struct report_read *read, struct report_asked *ret)
{
    if (read->next == read->count)
        return false;
    *ret = (struct report_asked){.kind = read->step, .campaign = read->next};
    if (read->step != ASK_THROUGH) {
        read->step++;
        return true;
    }
    read->next++;
    read->step = read->query.campaign_count > 0 ? ASK_LISTED : ASK_OWNER;
    return true;
}

static int64_t first_hour_to_read(const struct report_read *read, const struct subject *campaign)
{
    int64_t first = read->query.first_hour;
    return read->trusts_through && campaign->through > first ? campaign->through : first;
}

static void begin_month(struct report_read *read, int64_t month)
{
    read->step = ASK_MONTH;
    read->at = month;
    read->runs = report_runs(read->report, count_month_begin(month));
}

/* The next run of the month, or else of the next month; at the end to the hours. */
static unsigned next_run(struct report_read *read, const struct subject *campaign)
{
    unsigned run = 0;
    while (!(read->runs >> run & 1))
        run++;
    read->runs &= ~(1u << run);
    if (read->runs != 0)
        return run;
    if (read->at < count_month_of(read->query.end_hour - 1)) {
        begin_month(read, read->at + 1);
        return run;
    }
    read->at = first_hour_to_read(read, campaign);
    read->step = read->at < read->query.end_hour ? ASK_HOUR : ASK_AFTER;
    return run;
}

static bool next_count(struct report_read *read, struct report_asked *ret)
{
    if (read->next == read->order_count)
        return false;
    uint32_t at = read->order[read->next];
    const struct subject *campaign = &read->campaigns[at];
    *ret = (struct report_asked){.kind = read->step, .campaign = at, .at = read->at};
    switch (read->step) {
    case ASK_BEFORE:
        begin_month(read, count_month_of(read->query.first_hour));
        break;
    case ASK_MONTH:
        ret->run = next_run(read, campaign);
        break;
    case ASK_HOUR:
        if (++read->at == read->query.end_hour)
            read->step = ASK_AFTER;
        break;
    default:
        read->step = ASK_BEFORE;
        read->next++;
        break;
    }
    return true;
}

bool report_read_ask(struct report_read *read, struct report_command *ret)
{
    struct report_asked asked = {.kind = ASK_LIST};
    if (read->stage == STAGE_LIST && read->list_asked)
        return false;
    if (read->stage == STAGE_OWNERS && !next_owner(read, &asked))
        return false;
    if (read->stage == STAGE_COUNTS && !next_count(read, &asked))
        return false;
    if (read->stage == STAGE_DONE)
        return false;
    read->list_asked = true;
    report_queue_push(&read->asked, asked);
    report_asked_command(&asked, read->prefix, id_of(read, &asked), ret);
    return true;
}

/* ---- Replies --------------------------------------------------------------------------------- */

static int compare_campaigns(const void *a, const void *b)
{
    const struct subject *left = a, *right = b;
    return slice_compare(left->owner.id, right->owner.id);
}

static bool take_list(struct report_read *read, const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY)
        return false;
    read->campaigns = check_calloc(reply->count + 1, sizeof *read->campaigns);
    for (size_t i = 0; i < reply->count; i++) {
        if (id_is_valid(reply->items[i].text))
            add_campaign(read, arena_copy(read->arena, reply->items[i].text));
    }
    qsort(read->campaigns, read->count, sizeof *read->campaigns, compare_campaigns);
    begin_owners(read);
    return true;
}

static bool take_owner(struct report_read *read, struct subject *campaign,
                       const struct redis_reply *reply)
{
    if (reply->type != REDIS_ARRAY || reply->count != 2)
        return false;
    campaign->owner.name = arena_copy(read->arena, reply->items[0].text);
    campaign->owner.advertiser = arena_copy(read->arena, reply->items[1].text);
    campaign->selected =
        !read->query.has_advertiser || slice_eq(campaign->owner.advertiser, read->query.advertiser);
    return true;
}

static bool take_through(struct subject *campaign, const struct redis_reply *reply)
{
    int64_t day;
    if (reply->type == REDIS_NIL)
        return true;
    if (reply->type != REDIS_STRING || !count_day_parse(reply->text, &day))
        return false;
    campaign->through = day * HOURS_A_DAY;
    return true;
}

static bool take_folds(struct report_read *read, const struct report_asked *asked,
                       const struct redis_reply *reply)
{
    if (reply->text.len >= sizeof read->folds)
        return false;
    if (reply->text.len > 0)
        memcpy(read->folds, reply->text.ptr, reply->text.len);
    read->folds[reply->text.len] = '\0';
    report_begin(read->report, &read->campaigns[asked->campaign].owner);
    return true;
}

static enum report_result add_hour(struct report_read *read, int64_t hour,
                                   const struct redis_reply *reply)
{
    enum report_result result = REPORT_GOOD;
    for (size_t i = 0; i + 1 < reply->count && result == REPORT_GOOD; i += 2)
        result =
            report_add_field(read->report, hour, reply->items[i].text, reply->items[i + 1].text);
    return result;
}

static void read_later(struct report_read *read, uint32_t campaign)
{
    if (read->order_count == read->order_room) {
        read->order_room = read->order_room > 0 ? 2 * read->order_room : 64;
        read->order = check_realloc(read->order, read->order_room * sizeof *read->order);
    }
    read->order[read->order_count++] = campaign;
}

/* Whether its counts stood still while they were read; if not it is read again. */
static bool settle(struct report_read *read, uint32_t at, const struct redis_reply *reply)
{
    struct subject *campaign = &read->campaigns[at];
    if (slice_eq(reply->text, slice_cstr(read->folds))) {
        report_keep(read->report);
        return true;
    }
    report_drop(read->report);
    read_later(read, at);
    return ++campaign->tries < REPORT_READ_TRIES;
}

static bool damaged(const struct report_read *read, const struct report_asked *asked,
                    const char *what, struct err *err)
{
    char key[LEDGER_KEY_MAX];
    struct slice where = report_asked_key(asked, read->prefix, id_of(read, asked), key);
    (void)err_at(err, "%.*s", SLICE_ARGS(where));
    return err_set(err, "%s", what);
}

static enum report_read_result take_counts(struct report_read *read,
                                           const struct report_asked *asked,
                                           const struct redis_reply *reply, struct err *err)
{
    enum report_result result = REPORT_GOOD;
    bool good = true;
    if (asked->kind == ASK_MONTH) {
        good = reply->type == REDIS_NIL || reply->type == REDIS_STRING;
        result =
            report_add_month(read->report, count_month_begin(asked->at), asked->run, reply->text);
    } else if (asked->kind == ASK_HOUR) {
        good = reply->type == REDIS_ARRAY;
        result = add_hour(read, asked->at, reply);
    }
    if (!good)
        result = REPORT_BROKEN;
    if (result == REPORT_GOOD)
        return REPORT_READ_GOOD;
    (void)damaged(read, asked, report_result_words[result], err);
    return result == REPORT_BROKEN ? REPORT_READ_DAMAGED : REPORT_READ_LIMIT;
}

static bool take_fact(struct report_read *read, const struct report_asked *asked,
                      const struct redis_reply *reply)
{
    if (asked->kind == ASK_LIST)
        return take_list(read, reply);
    CHECK(asked->campaign < read->count && read->campaigns);
    struct subject *campaign = &read->campaigns[asked->campaign];
    switch (asked->kind) {
    case ASK_LISTED:
        campaign->listed = reply->integer == 1;
        return true;
    case ASK_COUNTED:
        campaign->counted = reply->integer == 1;
        return true;
    case ASK_OWNER:
        return take_owner(read, campaign, reply);
    case ASK_THROUGH:
        return take_through(campaign, reply);
    default:
        return take_folds(read, asked, reply);
    }
}

/* ---- From stage to stage --------------------------------------------------------------------- */

static enum report_read_result begin_counts(struct report_read *read, struct err *err)
{
    int64_t hours = read->query.end_hour - read->query.first_hour;
    for (uint32_t i = 0; i < read->count; i++) {
        const struct subject *campaign = &read->campaigns[i];
        if (read->query.campaign_count > 0 && !campaign->listed && !campaign->counted) {
            (void)err_at(err, "campaign");
            (void)err_set(err,
                          "there is no campaign %s, and nothing is counted of it; allowed: one "
                          "that `campaign list` shows",
                          err_quote(campaign->owner.id));
            return REPORT_READ_UNKNOWN;
        }
        if (campaign->selected)
            read_later(read, i);
    }
    read->stage = STAGE_COUNTS;
    read->next = 0;
    read->step = ASK_BEFORE;
    read->trusts_through = hours * read->order_count > REPORT_READ_HOURS;
    return REPORT_READ_GOOD;
}

/* Once no reply is due and nothing is left to ask. */
static enum report_read_result go_on(struct report_read *read, struct err *err)
{
    enum report_read_result result = REPORT_READ_GOOD;
    if (read->asked.count > 0)
        return result;
    if (read->stage == STAGE_OWNERS && read->next == read->count)
        result = begin_counts(read, err);
    if (result == REPORT_READ_GOOD && read->stage == STAGE_COUNTS &&
        read->next == read->order_count) {
        read->stage = STAGE_DONE;
        report_finish(read->report);
    }
    return result;
}

static enum report_read_result moving(const struct report_read *read,
                                      const struct report_asked *asked, struct err *err)
{
    (void)damaged(read, asked, "the campaign's counts are being compacted; allowed: asking later",
                  err);
    return REPORT_READ_MOVING;
}

enum report_read_result report_read_take(struct report_read *read, const struct redis_reply *reply,
                                         struct err *err)
{
    struct report_asked asked = report_queue_shift(&read->asked);
    enum report_read_result result = REPORT_READ_GOOD;
    if (reply->type == REDIS_ERROR_TEXT) {
        (void)damaged(read, &asked, err_quote(reply->text), err);
        return REPORT_READ_DAMAGED;
    }
    if (asked.kind == ASK_MONTH || asked.kind == ASK_HOUR)
        result = take_counts(read, &asked, reply, err);
    else if (asked.kind == ASK_AFTER && !settle(read, asked.campaign, reply))
        result = moving(read, &asked, err);
    else if (asked.kind != ASK_AFTER && !take_fact(read, &asked, reply)) {
        (void)damaged(read, &asked,
                      "what stands there is no such entry; allowed: what servers and "
                      "adctl write",
                      err);
        result = REPORT_READ_DAMAGED;
    }
    return result == REPORT_READ_GOOD ? go_on(read, err) : result;
}
