/*
 * Any text as bots.list: refused with its line and a reason in printable ASCII, or a list that
 * takes no empty text for a crawler's and answers alike when it is asked again, in memory or not.
 */
#include "base/check.h"
#include "decision/crawlers.h"

#define AGENT "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct err *err)
{
    CHECK(strncmp(err->where, "list", 4) == 0);
    CHECK(err->where[4] == '\0' || err->where[4] == ':');
    CHECK(err->text[0] != '\0');
    for (const char *text = err->text; *text; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

/* Its own text is the user agent, too: whatever a stranger knows to provoke a pattern with. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    struct err err = {"", ""};
    struct crawler_list *list = crawler_list_parse(text, "list", &err);
    if (!list) {
        check_refusal(&err);
        return 0;
    }
    CHECK(!crawler_list_matches(list, SLICE("")));
    struct crawlers *crawlers = crawlers_new(list);
    struct slice agents[] = {text, SLICE(AGENT)};
    for (size_t i = 0; i < 2; i++) {
        struct crawler_finding first = crawlers_judge(crawlers, agents[i]);
        struct crawler_finding again = crawlers_judge(crawlers, agents[i]);
        CHECK(first.verdict == again.verdict && first.name == again.name);
        CHECK(i == 0 ||
              (first.verdict != CRAWLER_NONE) == crawler_list_matches(list, SLICE(AGENT)));
    }
    crawlers_free(crawlers);
    crawler_list_free(list);
    return 0;
}
