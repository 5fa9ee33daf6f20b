#include "decision/crawlers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/siphash.h"
#include "decision/crawler_names.h"

#define NO_NAME UINT16_MAX

/* A verdict that is kept; all zero: free. */
struct kept {
    uint64_t hash;
    uint16_t name; /* position in crawler_names, or NO_NAME */
    uint8_t verdict;
};

struct crawlers {
    const struct crawler_list *list;
    struct crawler_names *names;
    struct siphash_key key;
    struct kept sets[CRAWLER_CACHE_SETS][CRAWLER_CACHE_WAYS];
};

struct crawlers *crawlers_new(const struct crawler_list *list)
{
    struct crawlers *crawlers = check_calloc(1, sizeof *crawlers);
    crawlers->list = list;
    crawlers->names = crawler_names_new();
    crawlers->key = siphash_key_random();
    return crawlers;
}

void crawlers_free(struct crawlers *crawlers)
{
    if (!crawlers)
        return;
    crawler_names_free(crawlers->names);
    free(crawlers);
}

static bool claims_to_be_a_browser(struct slice agent)
{
    return slice_starts(agent, SLICE("Mozilla/")) || slice_starts(agent, SLICE("Opera/"));
}

static struct kept judge(const struct crawlers *crawlers, struct slice agent)
{
    struct kept kept = {.name = NO_NAME, .verdict = CRAWLER_NONE};
    if (!crawler_list_matches(crawlers->list, agent))
        return kept;
    const struct crawler_name *name = crawler_names_find(crawlers->names, agent);
    bool known = name ? !name->is_library
                      : !crawler_list_is_built_in(crawlers->list) || claims_to_be_a_browser(agent);
    if (name)
        kept.name = (uint16_t)(name - crawler_names);
    kept.verdict = known ? CRAWLER_KNOWN : CRAWLER_NOT_BROWSER;
    return kept;
}

static struct crawler_finding finding_of(const struct kept *kept)
{
    return (struct crawler_finding){
        .verdict = (enum crawler_verdict)kept->verdict,
        .name = kept->name == NO_NAME ? NULL : crawler_names[kept->name].name,
    };
}

/* Moves up what was used. */
static const struct kept *use(struct kept *set, unsigned at)
{
    if (at == 0)
        return set;
    struct kept above = set[at - 1];
    set[at - 1] = set[at];
    set[at] = above;
    return &set[at - 1];
}

struct crawler_finding crawlers_judge(struct crawlers *crawlers, struct slice agent)
{
    agent = slice_trim(agent);
    if (agent.len == 0)
        return (struct crawler_finding){.verdict = CRAWLER_NOT_BROWSER};
    if (agent.len > CRAWLER_AGENT_MAX)
        agent.len = CRAWLER_AGENT_MAX;
    uint64_t hash = siphash(crawlers->key, agent) | 1;
    struct kept *set = crawlers->sets[(hash >> 32) % CRAWLER_CACHE_SETS];
    for (unsigned i = 0; i < CRAWLER_CACHE_WAYS; i++)
        if (set[i].hash == hash)
            return finding_of(use(set, i));
    struct kept *last = &set[CRAWLER_CACHE_WAYS - 1];
    *last = judge(crawlers, agent);
    last->hash = hash;
    return finding_of(last);
}

const char *crawler_verdict_word(enum crawler_verdict verdict)
{
    static const char *const words[] = {
        [CRAWLER_NONE] = "", [CRAWLER_KNOWN] = "bot", [CRAWLER_NOT_BROWSER] = "not_browser"};
    return words[verdict];
}
