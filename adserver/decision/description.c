#include "decision/description.h"

#include "decision/agent.h"
#include "decision/language.h"
#include "decision/timestamp.h"
#include "decision/zone.h"

void description_clear(struct description *description)
{
    page_query_clear(&description->query);
    description->agent = description->language = description->campaign = (struct slice){NULL, 0};
    description->has_client = false;
    description->at_us = TIME_UNSET;
}

typedef bool take_fn(struct description *description, struct slice value, struct err *err);

static bool take_text(struct slice value, struct slice *ret, struct err *err)
{
    if (value.len > DESCRIPTION_AGENT_MAX)
        return err_set(err, "%zu bytes, at most %d are allowed", value.len, DESCRIPTION_AGENT_MAX);
    *ret = value;
    return true;
}

static bool take_agent(struct description *description, struct slice value, struct err *err)
{
    return take_text(value, &description->agent, err);
}

static bool take_language(struct description *description, struct slice value, struct err *err)
{
    return take_text(value, &description->language, err);
}

static bool take_client(struct description *description, struct slice value, struct err *err)
{
    if (!net_ip_parse(value, &description->client))
        return err_set(err, "%s is no IPv4 or IPv6 address", err_quote(value));
    description->has_client = true;
    return true;
}

/* A time without offset is UTC. */
static bool take_at(struct description *description, struct slice value, struct err *err)
{
    return timestamp_parse(value, zone_find(SLICE("UTC")), &description->at_us, err);
}

static bool take_campaign(struct description *description, struct slice value, struct err *err)
{
    if (!id_is_valid(value))
        return err_set(err, "%s is no campaign id, allowed is [a-z0-9][a-z0-9._-]{0,63}",
                       err_quote(value));
    description->campaign = value;
    return true;
}

static const struct {
    struct slice name;
    take_fn *take;
} rows[] = {
    {SLICE_INIT("ua"), take_agent},          {SLICE_INIT("lang"), take_language},
    {SLICE_INIT("ip"), take_client},         {SLICE_INIT("at"), take_at},
    {SLICE_INIT("campaign"), take_campaign},
};

bool description_take(struct description *description, struct arena *arena, struct slice name,
                      struct slice value, struct err *err)
{
    struct slice shown = slice_of(name.ptr, name.len < 64 ? name.len : 64);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (slice_eq(rows[i].name, name))
            return rows[i].take(description, value, err) || err_at(err, "%.*s", SLICE_ARGS(shown));
    }
    if (page_query_knows(name) && !slice_eq(name, SLICE("page")))
        return page_query_take(&description->query, arena, name, value, err);
    (void)err_at(err, "%s", name.len > 0 ? err_quote(name) : "a name");
    return err_set(err, "not known, allowed are slot, url, ref, kw, kv.<name>, uid, consent, ua, "
                        "ip, lang, at, campaign");
}

void description_facts(const struct description *description, struct page_facts *ret)
{
    const struct agent_headers headers = {.user_agent = description->agent};
    const struct agent agent = agent_of(&headers);
    *ret = (struct page_facts){.device = agent.device,
                               .browser = agent.browser,
                               .system = agent.system,
                               .language = language_preferred(description->language)};
    page_query_facts(&description->query, ret);
}
