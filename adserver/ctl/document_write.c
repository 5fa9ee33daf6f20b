#include "ctl/document.h"

#include <stdlib.h>

#include "base/check.h"
#include "ctl/value.h"

struct writer {
    FILE *to;
    struct mistakes *mistakes;
    struct strbuf text; /* of the entry being written */
};

/* ---- One entry ------------------------------------------------------------------------------- */

static bool add_member(struct strbuf *to, enum record_kind kind, const struct record_field *field)
{
    const struct record_form_row *row = entry_row(kind, field->name);
    if (!value_add_json(to, FORM_TEXT, field->name))
        return false;
    strbuf_add_cstr(to, ": ");
    return value_add_json(to, row ? row->form : FORM_TEXT, field->value);
}

static bool is_written(const struct entry *entry, const struct record_field *field, bool owner)
{
    bool names_owner = entry->kind == RECORD_CREATIVE && slice_eq(field->name, SLICE("campaign"));
    return field->value.len > 0 && (owner || !names_owner);
}

bool document_add_members(struct strbuf *to, const struct entry *entry, bool owner, int indent)
{
    const struct record_field id = {SLICE("id"), entry->id};
    size_t mark = to->len;
    strbuf_addf(to, "%*s", indent, "");
    bool good = add_member(to, entry->kind, &id);
    for (unsigned i = 0; i < entry->count && good; i++) {
        if (!is_written(entry, &entry->fields[i], owner))
            continue;
        strbuf_addf(to, ",\n%*s", indent, "");
        good = add_member(to, entry->kind, &entry->fields[i]);
    }
    if (!good)
        strbuf_truncate(to, mark);
    return good;
}

/* ---- All entries ----------------------------------------------------------------------------- */

/* Begins an object in an array, `*first` or not. False where it can't be written; it is told. */
static bool begin(struct writer *writer, const struct entry *entry, int indent, bool *first)
{
    strbuf_clear(&writer->text);
    if (!document_add_members(&writer->text, entry, false, indent + 2) || writer->text.overflowed)
        return mistakes_addf(writer->mistakes, entry_name(entry),
                             "JSON can't hold it, it is left out; allowed: UTF-8, at most %d bytes",
                             RECORD_BYTES_MAX);
    fprintf(writer->to, "%s\n%*s{\n%s", *first ? "" : ",", indent, "", strbuf_cstr(&writer->text));
    *first = false;
    return true;
}

static void end(struct writer *writer, int indent)
{
    fprintf(writer->to, "\n%*s}", indent, "");
}

static void end_array(struct writer *writer, int indent, bool empty)
{
    if (empty)
        fputs("]", writer->to);
    else
        fprintf(writer->to, "\n%*s]", indent, "");
}

static void write_array(struct writer *writer, const struct entry *const *entries, unsigned count,
                        int indent)
{
    bool first = true;
    for (unsigned i = 0; i < count; i++) {
        if (begin(writer, entries[i], indent + 2, &first))
            end(writer, indent + 2);
    }
    end_array(writer, indent, first);
}

static struct slice owner_of(const struct entry *creative)
{
    return entry_value(creative, SLICE("campaign"));
}

static void tell_orphan(struct writer *writer, const struct entry *creative)
{
    (void)mistakes_addf(writer->mistakes, entry_name(creative),
                        "it is left out, as its campaign \"%s\" is; allowed: one that is there",
                        err_quote(owner_of(creative)));
}

/* Creatives in the order of their campaigns' ids, which is also that of the campaigns. */
struct creatives {
    const struct entry *const *item;
    unsigned count;
    unsigned at; /* those before it are written, or told */
};

static void write_campaign(struct writer *writer, const struct entry *campaign,
                           struct creatives *creatives, bool *first)
{
    if (!begin(writer, campaign, 4, first))
        return; /* its creatives are orphans now */
    while (creatives->at < creatives->count &&
           slice_compare(owner_of(creatives->item[creatives->at]), campaign->id) < 0)
        tell_orphan(writer, creatives->item[creatives->at++]);
    unsigned from = creatives->at;
    while (creatives->at < creatives->count &&
           slice_eq(owner_of(creatives->item[creatives->at]), campaign->id))
        creatives->at++;
    fputs(",\n      \"creatives\": [", writer->to);
    write_array(writer, creatives->item + from, creatives->at - from, 6);
    end(writer, 4);
}

static void write_campaigns(struct writer *writer, const struct entry *const *campaigns,
                            unsigned count, struct creatives *creatives)
{
    bool first = true;
    for (unsigned i = 0; i < count; i++)
        write_campaign(writer, campaigns[i], creatives, &first);
    while (creatives->at < creatives->count)
        tell_orphan(writer, creatives->item[creatives->at++]);
    end_array(writer, 2, first);
}

/* By campaign, then by kind and id. */
static int compare_owned(const void *a, const void *b)
{
    const struct entry *const *left = a, *const *right = b;
    int order = slice_compare(owner_of(*left), owner_of(*right));
    return order != 0 ? order : entry_compare(*left, *right);
}

void document_write(const struct entry *entries, unsigned count, FILE *to,
                    struct mistakes *mistakes)
{
    struct writer writer = {.to = to, .mistakes = mistakes};
    const struct entry **sorted = check_calloc(count + 1, sizeof *sorted);
    unsigned counts[RECORD_KIND_COUNT] = {0};
    for (unsigned i = 0; i < count; i++) {
        sorted[i] = &entries[i];
        counts[entries[i].kind]++;
    }
    const struct entry **campaigns = sorted + counts[RECORD_SLOT];
    const struct entry **owned = campaigns + counts[RECORD_CAMPAIGN];
    struct creatives creatives = {owned, counts[RECORD_CREATIVE], 0};
    qsort(owned, creatives.count, sizeof *owned, compare_owned);

    strbuf_init(&writer.text, DOCUMENT_ENTRY_MAX);
    fputs("{\n  \"slots\": [", to);
    write_array(&writer, sorted, counts[RECORD_SLOT], 2);
    fputs(",\n  \"campaigns\": [", to);
    write_campaigns(&writer, campaigns, counts[RECORD_CAMPAIGN], &creatives);
    fputs("\n}\n", to);
    strbuf_release(&writer.text);
    free(sorted);
}
