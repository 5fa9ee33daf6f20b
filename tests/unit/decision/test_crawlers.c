#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "decision/crawler_names.h"
#include "decision/crawlers.h"

#define FIREFOX "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

static const struct {
    const char *agent;
    enum crawler_verdict verdict;
    const char *name;
} rows[] = {
    {"", CRAWLER_NOT_BROWSER, NULL},
    {" \t ", CRAWLER_NOT_BROWSER, NULL},
    {FIREFOX, CRAWLER_NONE, NULL},
    {"  " FIREFOX "  ", CRAWLER_NONE, NULL},
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", CRAWLER_KNOWN,
     "Googlebot"},
    {"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", CRAWLER_KNOWN,
     "bingbot"},
    {"Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)", CRAWLER_KNOWN,
     "SemrushBot"},
    {"Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)", CRAWLER_KNOWN,
     "UptimeRobot"},
    {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
     "HeadlessChrome/124.0.0.0 Safari/537.36",
     CRAWLER_KNOWN, "HeadlessChrome"},
    /* Libraries have names and are no crawlers. */
    {"curl/8.5.0", CRAWLER_NOT_BROWSER, "curl"},
    {"python-requests/2.31.0", CRAWLER_NOT_BROWSER, "python-requests"},
    {"Go-http-client/1.1", CRAWLER_NOT_BROWSER, "Go-http-client"},
    {"Wget/1.21", CRAWLER_NOT_BROWSER, "wget"},
    /* Nobody has named these: one claims to be a browser, the other does not. */
    {"Mozilla/5.0 (compatible; Zzyzxbot/0.1; +https://zzyzx.example/bot)", CRAWLER_KNOWN, NULL},
    {"zzyzx-agent/0.1", CRAWLER_NOT_BROWSER, NULL},
};

static void expect(struct crawlers *crawlers, const char *agent, enum crawler_verdict verdict,
                   const char *name)
{
    struct crawler_finding found = crawlers_judge(crawlers, slice_cstr(agent));
    if (found.verdict != verdict)
        fail_msg("%s: \"%s\"", agent, crawler_verdict_word(found.verdict));
    if (name)
        assert_string_equal(found.name, name);
    else
        assert_null(found.name);
}

/* The second time from memory. */
static void the_built_in_list_and_names(void **state)
{
    (void)state;
    struct crawler_list *list = crawler_list_built_in();
    struct crawlers *crawlers = crawlers_new(list);
    assert_true(crawler_list_is_built_in(list));
    for (unsigned round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            expect(crawlers, rows[i].agent, rows[i].verdict, rows[i].name);
    crawlers_free(crawlers);
    crawler_list_free(list);
}

static void whom_a_list_of_ones_own_matches_is_a_crawler(void **state)
{
    struct err err;
    (void)state;
    struct crawler_list *list = crawler_list_parse(SLICE("firefox\ncurl\n"), "list", &err);
    struct crawlers *crawlers = crawlers_new(list);
    expect(crawlers, FIREFOX, CRAWLER_KNOWN, NULL);
    expect(crawlers, "my firefox/1", CRAWLER_KNOWN, NULL);
    expect(crawlers, "curl/8.5.0", CRAWLER_NOT_BROWSER, "curl");
    expect(crawlers, "Googlebot/2.1", CRAWLER_NONE, NULL);
    expect(crawlers, "", CRAWLER_NOT_BROWSER, NULL);
    crawlers_free(crawlers);
    crawler_list_free(list);
}

/* Every name is found in a text that has its own pattern, as itself or as one that stands before.
 */
static void texts_are_found_wherever_they_stand(void **state)
{
    (void)state;
    struct crawler_names *names = crawler_names_new();
    size_t itself = 0;
    for (size_t i = 0; i < crawler_name_count; i++) {
        char agent[256];
        if (!crawler_names[i].is_text)
            continue;
        int len = snprintf(agent, sizeof agent, "a%s", crawler_names[i].pattern);
        const struct crawler_name *found = crawler_names_find(names, slice_of(agent, (size_t)len));
        assert_non_null(found);
        assert_true(found <= &crawler_names[i]);
        itself += found == &crawler_names[i];
    }
    assert_true(itself > crawler_name_count * 9 / 10);
    assert_null(crawler_names_find(names, SLICE("")));
    assert_null(crawler_names_find(names, SLICE("zz")));
    assert_null(crawler_names_find(names, SLICE(FIREFOX)));
    crawler_names_free(names);
}

/* Names go into /stats and labels of /metrics as they are. */
static void names_are_plain(void **state)
{
    (void)state;
    for (size_t i = 0; i < crawler_name_count; i++) {
        size_t len = strlen(crawler_names[i].name);
        assert_in_range(len, 1, 64);
        assert_int_equal(strspn(crawler_names[i].name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       "abcdefghijklmnopqrstuvwxyz"
                                                       "0123456789 ._!+-"),
                         len);
    }
}

/* Only its beginning is looked at. */
static void a_long_agent_is_cut(void **state)
{
    static char agent[2 * CRAWLER_AGENT_MAX];
    (void)state;
    struct crawler_list *list = crawler_list_built_in();
    struct crawlers *crawlers = crawlers_new(list);
    memset(agent, ' ', sizeof agent - 1);
    memcpy(agent, FIREFOX, strlen(FIREFOX));
    memcpy(agent + CRAWLER_AGENT_MAX - 4, " bot", 4);
    expect(crawlers, agent, CRAWLER_KNOWN, NULL);
    memcpy(agent + CRAWLER_AGENT_MAX - 4, "  bot", 5);
    expect(crawlers, agent, CRAWLER_NONE, NULL);
    crawlers_free(crawlers);
    crawler_list_free(list);
}

/* More agents than the table has places: what is forgotten is judged again, and alike. */
static void a_full_table_forgets_without_error(void **state)
{
    (void)state;
    struct crawler_list *list = crawler_list_built_in();
    struct crawlers *crawlers = crawlers_new(list);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 2 * CRAWLER_CACHE_SETS * CRAWLER_CACHE_WAYS; i++) {
            char agent[128];
            (void)snprintf(agent, sizeof agent, i % 2 ? FIREFOX " n%u" : "spider n%u", i);
            assert_int_equal(crawlers_judge(crawlers, slice_cstr(agent)).verdict,
                             i % 2 ? CRAWLER_NONE : CRAWLER_NOT_BROWSER);
        }
    crawlers_free(crawlers);
    crawler_list_free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_list_and_names),
        cmocka_unit_test(whom_a_list_of_ones_own_matches_is_a_crawler),
        cmocka_unit_test(texts_are_found_wherever_they_stand),
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(a_long_agent_is_cut),
        cmocka_unit_test(a_full_table_forgets_without_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
