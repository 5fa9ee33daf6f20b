/*
 * bench_crawlers: what a verdict on a user agent costs, in traffic whose agents repeat as they do.
 *
 *     make bench-crawlers
 *
 * Reads user agents, one a line, as tests/bench/agents.mjs draws them. Each row below judges them
 * once in their order, so that new ones among them are misses. Times are processor time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "decision/crawlers.h"

#define LINES_MAX 1000000
#define ROUNDS    5 /* the best one counts: the machine has other things to do */

static struct slice agents[LINES_MAX];

static double now_ns(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static size_t read_agents(const char *path)
{
    char *line = NULL;
    size_t capacity = 0, count = 0;
    ssize_t len;
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    while (count < LINES_MAX && (len = getline(&line, &capacity, file)) > 0) {
        agents[count].ptr = check_strdup(line);
        agents[count++].len = (size_t)len - (line[len - 1] == '\n');
    }
    free(line);
    (void)fclose(file);
    return count;
}

/* From an empty memory each time. */
static void measure(const char *what, const struct crawler_list *list, const struct slice *texts,
                    size_t count)
{
    double best = 0;
    size_t caught = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct crawlers *crawlers = crawlers_new(list);
        caught = 0;
        double began = now_ns();
        for (size_t i = 0; i < count; i++)
            caught += crawlers_judge(crawlers, texts[i]).verdict != CRAWLER_NONE;
        double each = (now_ns() - began) / (double)count;
        best = round == 0 || each < best ? each : best;
        crawlers_free(crawlers);
    }
    printf("%-52s %8zu %7.1f %% %9.0f ns\n", what, count, 100.0 * (double)caught / (double)count,
           best);
}

/* Each with a number of its own behind it: none is ever seen again. */
static struct slice *all_different(size_t count)
{
    struct slice *texts = check_calloc(count, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        char *text = check_malloc(agents[i].len + 24);
        int len = snprintf(text, agents[i].len + 24, "%.*s %zu", SLICE_ARGS(agents[i]), i);
        texts[i] = slice_of(text, (size_t)len);
    }
    return texts;
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    size_t count = read_agents(argv[1]);
    CHECK(count > 0);
    struct crawler_list *list = crawler_list_built_in();
    struct slice *different = all_different(20000 < count ? 20000 : count);
    printf("%-52s %8s %9s %12s\n", "", "agents", "caught", "a verdict");
    measure("drawn by how often they are seen, misses included", list, agents, count);
    measure("the first 10,000 of them", list, agents, count < 10000 ? count : 10000);
    for (size_t i = 1; i < count; i++)
        agents[i] = agents[0];
    measure("the same one again and again", list, agents, count);
    measure("each a different one: all are misses", list, different, 20000 < count ? 20000 : count);
    return 0;
}
