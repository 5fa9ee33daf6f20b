#include "decision/crawler_list.h"

#include <stdlib.h>

#include "base/check.h"
#include "decision/crawler_data.h"
#include "decision/pcre.h"

struct crawler_list {
    struct pcre **patterns;
    size_t count, capacity;
    size_t memory; /* of the patterns, bytes */
    bool built_in;
};

static struct crawler_list *list_new(bool built_in)
{
    struct crawler_list *list = check_calloc(1, sizeof *list);
    list->built_in = built_in;
    return list;
}

static void add(struct crawler_list *list, struct pcre *pattern)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 64;
        list->patterns = check_realloc(list->patterns, list->capacity * sizeof *list->patterns);
    }
    list->patterns[list->count++] = pattern;
    list->memory += pcre_size(pattern);
}

struct crawler_list *crawler_list_built_in(void)
{
    struct crawler_list *list = list_new(true);
    struct err err;
    for (size_t i = 0; i < crawler_pattern_count; i++) {
        struct pcre *pattern = pcre_new(slice_cstr(crawler_patterns[i]), true, &err);
        CHECK(pattern != NULL); /* the tests compile them all */
        add(list, pattern);
    }
    return list;
}

/* Without the blanks around it, and without the CR of an editor that ends lines with two bytes. */
static struct slice tidy(struct slice line)
{
    if (slice_ends(line, SLICE("\r")))
        line.len--;
    return slice_trim(line);
}

static bool take_line(struct crawler_list *list, struct slice line, struct err *err)
{
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    if (list->count == CRAWLER_LIST_PATTERNS_MAX)
        return err_set(err, "more than %d patterns", CRAWLER_LIST_PATTERNS_MAX);
    struct pcre *pattern = pcre_new(line, true, err);
    if (!pattern)
        return false;
    add(list, pattern);
    if (pcre_matches(pattern, SLICE("")))
        return err_set(err, "%s is in every user agent, allowed is a PCRE that needs some text",
                       err_quote(line));
    return list->memory <= CRAWLER_LIST_MEMORY_MAX ||
           err_set(err, "the patterns take more than %d MiB", CRAWLER_LIST_MEMORY_MAX >> 20);
}

static bool take_text(struct crawler_list *list, struct slice text, const char *name,
                      struct err *err)
{
    struct slice rest = text, line;
    if (text.len > CRAWLER_LIST_BYTES_MAX) {
        (void)err_at(err, "%s", name);
        return err_set(err, "larger than %d bytes", CRAWLER_LIST_BYTES_MAX);
    }
    for (unsigned number = 1; slice_next(&rest, '\n', &line); number++)
        if (!take_line(list, tidy(line), err)) {
            (void)err_at(err, "%s:%u", name, number);
            return false;
        }
    if (list->count > 0)
        return true;
    (void)err_at(err, "%s", name);
    return err_set(err, "holds no pattern, allowed is one PCRE a line");
}

struct crawler_list *crawler_list_parse(struct slice text, const char *name, struct err *err)
{
    struct crawler_list *list = list_new(false);
    if (take_text(list, text, name, err))
        return list;
    crawler_list_free(list);
    return NULL;
}

void crawler_list_free(struct crawler_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        pcre_free(list->patterns[i]);
    free(list->patterns);
    free(list);
}

bool crawler_list_is_built_in(const struct crawler_list *list)
{
    return list->built_in;
}

bool crawler_list_matches(const struct crawler_list *list, struct slice agent)
{
    for (size_t i = 0; i < list->count; i++)
        if (pcre_matches(list->patterns[i], agent))
            return true;
    return false;
}
