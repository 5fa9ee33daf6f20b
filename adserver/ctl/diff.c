#include "ctl/diff.h"

#include "ctl/shown.h"

#define LINE_MAX_BYTES (16 * DIFF_VALUE_MAX) /* two values, each byte an escape of six */

struct printing {
    FILE *to;
    bool both; /* old → new; else the one that is there */
};

static void add_value(struct strbuf *line, struct slice value)
{
    if (!value.ptr)
        strbuf_add_cstr(line, "(none)");
    else if (value.len == 0)
        strbuf_add_cstr(line, "(empty)");
    else
        shown_add(line, value, DIFF_VALUE_MAX);
}

static void print_field(struct slice name, struct slice before, struct slice after, void *arg)
{
    const struct printing *printing = arg;
    struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    shown_add(&line, name, DIFF_VALUE_MAX);
    strbuf_add_cstr(&line, ": ");
    if (printing->both) {
        add_value(&line, before);
        strbuf_add_cstr(&line, " → ");
        add_value(&line, after);
    } else {
        add_value(&line, after.ptr ? after : before);
    }
    fprintf(printing->to, "    %s\n", strbuf_cstr(&line));
    strbuf_release(&line);
}

static char sign_of(const struct change *change)
{
    if (!change->after)
        return '-';
    return change->before->listed ? '~' : '+';
}

static void print_change(const struct change *change, FILE *to)
{
    struct printing printing = {to, entry_exists(change->before)};
    fprintf(to, "%c %s\n", sign_of(change), entry_name(change->before));
    if (!change->after)
        return;
    entry_differences(change->before, change->after, print_field, &printing);
    if (entry_exists(change->before) && !change->before->listed)
        fputs("    its fields were there, but no server saw them: it was not in the set\n", to);
}

/* "1 new, 2 changed" */
static void print_sum(const struct changes *changes, FILE *to)
{
    static const struct {
        char sign;
        const char *word;
    } kinds[] = {{'+', "new"}, {'~', "changed"}, {'-', "deleted"}};
    const char *before = "";
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        unsigned count = 0;
        for (unsigned i = 0; i < changes->count; i++)
            count += sign_of(&changes->item[i]) == kinds[kind].sign;
        if (count == 0)
            continue;
        fprintf(to, "%s%u %s", before, count, kinds[kind].word);
        before = ", ";
    }
    fputs(changes->count > 0 ? "\n" : "nothing changes\n", to);
}

void diff_print(const struct changes *changes, FILE *to)
{
    for (unsigned i = 0; i < changes->count; i++)
        print_change(&changes->item[i], to);
    print_sum(changes, to);
}
