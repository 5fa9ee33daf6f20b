#include "ctl/events_format.h"

const char *const events_format_words[EVENTS_FORMAT_COUNT] = {
    [EVENTS_NDJSON] = "ndjson", [EVENTS_CSV] = "csv"};

void events_format_head(enum events_format format, struct strbuf *to)
{
    if (format != EVENTS_CSV)
        return;
    strbuf_add_cstr(to, "id,number,campaign");
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
        strbuf_addf(to, ",%s", event_field_rows[i].name);
    strbuf_add_cstr(to, "\r\n");
}

/* Quoted where it has to be. */
static void add_csv(struct strbuf *to, struct slice text)
{
    bool plain = true;
    for (size_t i = 0; plain && i < text.len; i++)
        plain = text.ptr[i] != '\0' && !strchr(",\"\r\n", text.ptr[i]);
    if (plain) {
        strbuf_add_slice(to, text);
        return;
    }
    strbuf_add_char(to, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            strbuf_add_char(to, '"');
        strbuf_add_char(to, text.ptr[i]);
    }
    strbuf_add_char(to, '"');
}

static void add_csv_line(struct slice campaign, const struct event_entry *entry, struct strbuf *to)
{
    add_csv(to, campaign);
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        strbuf_add_char(to, ',');
        add_csv(to, entry->values[i]);
    }
    strbuf_add_cstr(to, "\r\n");
}

static void add_json_value(struct strbuf *to, enum event_field_type type, struct slice value)
{
    if (type == EVENT_TYPE_NUMBER)
        strbuf_add_slice(to, value);
    else if (type == EVENT_TYPE_FLAG)
        strbuf_add_cstr(to, slice_eq(value, SLICE("1")) ? "true" : "false");
    else
        strbuf_add_json(to, value);
}

static void add_json_line(struct slice campaign, const struct event_entry *entry, struct strbuf *to)
{
    strbuf_add_cstr(to, "\"campaign\":");
    strbuf_add_json(to, campaign);
    for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
        strbuf_addf(to, ",\"%s\":", event_field_rows[i].name);
        add_json_value(to, event_field_rows[i].type, entry->values[i]);
    }
    strbuf_add_cstr(to, "}\n");
}

void events_format_line(enum events_format format, struct slice campaign,
                        const struct event_entry *entry, uint64_t number, struct strbuf *to)
{
    char id[EVENT_ID_TEXT_MAX];
    strbuf_addf(to, format == EVENTS_CSV ? "%s,%llu," : "{\"id\":\"%s\",\"number\":%llu,",
                event_id_write(entry->id, id), (unsigned long long)number);
    if (format == EVENTS_CSV)
        add_csv_line(campaign, entry, to);
    else
        add_json_line(campaign, entry, to);
}

/* What stands between `before` and `behind`; false: that is not how the line goes on. */
static bool cut(struct slice *line, struct slice before, char behind, struct slice *ret)
{
    if (!slice_starts(*line, before))
        return false;
    struct slice rest = slice_from(*line, before.len);
    *ret = slice_of(rest.ptr, slice_find(rest, behind));
    *line = slice_from(rest, ret->len);
    return line->len > 0;
}

bool events_format_position(enum events_format format, struct slice line,
                            struct events_position *ret)
{
    bool csv = format == EVENTS_CSV;
    struct slice id, number;
    struct events_position position;
    if (!slice_ends(line, csv ? SLICE("\r") : SLICE("}")) ||
        !cut(&line, csv ? SLICE("") : SLICE("{\"id\":\""), csv ? ',' : '"', &id) ||
        !cut(&line, csv ? SLICE(",") : SLICE("\",\"number\":"), ',', &number) ||
        !event_id_read(id, &position.id) || !slice_to_u64(number, UINT64_MAX, &position.number))
        return false;
    *ret = position;
    return true;
}
