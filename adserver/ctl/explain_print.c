#include "ctl/explain_print.h"

#include <stdint.h>

#include "ctl/table.h"
#include "decision/explain_json.h"

#define NUMBER_MAX 16

static void add_number(struct table *table, uint32_t number)
{
    char text[NUMBER_MAX];
    (void)snprintf(text, sizeof text, "%u", number);
    table_add(table, slice_cstr(text));
}

static void add_row(struct table *table, const struct explain *explain, unsigned at,
                    const struct explain_verdict *verdict)
{
    struct strbuf detail;
    strbuf_init(&detail, EXPLAIN_DETAIL_MAX);
    explain_detail(explain, at, verdict, &detail);
    table_add(table, verdict->campaign->id);
    table_add(table, slice_cstr(explain_word(verdict->reason)));
    add_number(table, verdict->draws);
    table_add(table, strbuf_slice(&detail));
    strbuf_release(&detail);
}

/* "header, 728 wide: 3 campaigns, 1 served, 2 cap; filled in 1000 of 1000 draws" */
static void print_head(FILE *to, const struct explain *explain, unsigned at)
{
    const struct explain_slot *slot = explain_slot(explain, at);
    uint32_t width = explain_asked(explain)->request.slots[at].width;
    fprintf(to, "%s%.*s", at > 0 ? "\n" : "", SLICE_ARGS(slot->name));
    if (!slot->index) {
        fputs(": there is no such slot\n", to);
        return;
    }
    if (width > 0)
        fprintf(to, ", %u wide", width);
    fprintf(to, ": %u campaigns", slot->total);
    for (unsigned i = 0; i <= REASON_COUNT; i++) {
        enum reason reason = i == 0 ? REASON_NONE : (enum reason)(REASON_COUNT - i);
        if (slot->counts[reason] > 0)
            fprintf(to, ", %u %s", slot->counts[reason], explain_word(reason));
    }
    fprintf(to, "; filled in %u of %d draws\n", slot->filled, EXPLAIN_DRAWS);
}

static void print_slot(struct tool *tool, const struct explain *explain, unsigned at)
{
    static const char *const heads[] = {"CAMPAIGN", "VERDICT", "DRAWS", "WHY"};
    const struct explain_slot *slot = explain_slot(explain, at);
    print_head(tool->out, explain, at);
    if (!slot->index || slot->listed == 0)
        return;
    struct table *table = table_new(tool->arena, heads, 4, slot->listed);
    for (uint32_t i = 0; i < slot->listed; i++)
        add_row(table, explain, at, &slot->list[i]);
    table_print(table, "  ", tool->out);
    if (slot->listed < slot->total)
        fprintf(tool->out, "  and %u more\n", slot->total - slot->listed);
}

void explain_print(struct tool *tool, const struct explain *explain, const char *viewer)
{
    fprintf(tool->out, "viewer: %s\n", viewer ? viewer : "not known");
    for (unsigned i = 0; i < explain_slot_count(explain); i++)
        print_slot(tool, explain, i);
}

void explain_print_json(const struct explain *explain, const char *viewer, FILE *to)
{
    struct explain_json at = {0};
    struct strbuf text;
    strbuf_init(&text, SIZE_MAX / 2);
    while (explain_json_add(explain, viewer, &at, &text))
        ;
    (void)fwrite(text.ptr, 1, text.len, to);
    strbuf_release(&text);
}
