#include "decision/record.h"

#include <stdio.h>

#include "base/check.h"
#include "decision/caps.h"
#include "decision/field.h"
#include "decision/record_tables.h"
#include "decision/timestamp.h"
#include "decision/zone.h"

const char *const record_kind_words[RECORD_KIND_COUNT] = {"slot", "campaign", "creative"};

/* ---- Rows ------------------------------------------------------------------------------------ */

static const struct kind {
    const struct record_form_row *rows;
    const unsigned *count;
} kinds[RECORD_KIND_COUNT] = {
    [RECORD_SLOT] = {slot_rows, &slot_row_count},
    [RECORD_CAMPAIGN] = {campaign_rows, &campaign_row_count},
    [RECORD_CREATIVE] = {creative_rows, &creative_row_count},
};

const struct record_form_row *record_forms(enum record_kind kind, unsigned *ret_count)
{
    *ret_count = *kinds[kind].count;
    return kinds[kind].rows;
}

/* A row whose name ends in a dot takes all names that go on behind it. */
static bool row_takes(const struct record_form_row *row, struct slice name)
{
    struct slice own = slice_cstr(row->name);
    if (slice_ends(own, SLICE(".")))
        return slice_starts(name, own);
    return slice_eq(name, own);
}

static bool is_known(const struct reading *reading, struct slice name)
{
    for (unsigned i = 0; i < reading->row_count; i++) {
        if (row_takes(&reading->rows[i], name))
            return true;
    }
    return false;
}

/* ---- Refusing -------------------------------------------------------------------------------- */

static bool add_allowed(struct err *err, const char *allowed)
{
    size_t len = strlen(err->text);
    (void)snprintf(err->text + len, sizeof err->text - len, "; allowed: %s", allowed);
    return false;
}

static bool refuse_field(struct reading *reading, const struct record_form_row *row)
{
    (void)err_at(reading->err, "%s", err_quote(reading->name));
    return add_allowed(reading->err, row->allowed);
}

bool reading_refuse(struct reading *reading, const char *name)
{
    unsigned i = 0;
    reading->name = slice_cstr(name);
    while (i < reading->row_count && !row_takes(&reading->rows[i], reading->name))
        i++;
    CHECK(i < reading->row_count);
    return refuse_field(reading, &reading->rows[i]);
}

static bool refuse_unknown(struct reading *reading, struct slice name)
{
    struct err *err = reading->err;
    (void)err_at(err, "%s", err_quote(name));
    (void)err_set(err,
                  "a %s has no such field; allowed:", record_kind_words[reading->record->kind]);
    for (unsigned i = 0; i < reading->row_count; i++) {
        size_t len = strlen(err->text);
        const char *row = reading->rows[i].name;
        const char *more = row[strlen(row) - 1] == '.' ? "<name>" : "";
        (void)snprintf(err->text + len, sizeof err->text - len, "%s %s%s", i > 0 ? "," : "", row,
                       more);
    }
    return false;
}

/* ---- The record as a whole ------------------------------------------------------------------- */

static bool check_names(struct reading *reading)
{
    const struct record *record = reading->record;
    for (unsigned i = 0; i < record->count; i++) {
        struct slice name = record->fields[i].name;
        if (!is_known(reading, name))
            return refuse_unknown(reading, name);
        for (unsigned j = 0; j < i; j++) {
            if (!slice_eq(record->fields[j].name, name))
                continue;
            (void)err_at(reading->err, "%s", err_quote(name));
            return err_set(reading->err, "the field is given twice; allowed: once");
        }
    }
    return true;
}

static bool check_bytes(const struct record *record, struct err *err)
{
    size_t total = 0;
    if (record->count > RECORD_FIELDS_MAX)
        return err_set(err, "it has %u fields; allowed: %d", record->count, RECORD_FIELDS_MAX);
    for (unsigned i = 0; i < record->count; i++) {
        const struct record_field *field = &record->fields[i];
        total += field->name.len + field->value.len;
        if (field->value.len > RECORD_VALUE_MAX) {
            (void)err_at(err, "%s", err_quote(field->name));
            return err_set(err, "it has %zu bytes; allowed: %d", field->value.len,
                           RECORD_VALUE_MAX);
        }
    }
    if (total > RECORD_BYTES_MAX)
        return err_set(err, "its fields have %zu bytes in all; allowed: %d", total,
                       RECORD_BYTES_MAX);
    return true;
}

bool reading_begin(struct reading *reading, const struct record *record, struct err *err)
{
    *reading = (struct reading){.record = record, .err = err};
    reading->rows = record_forms(record->kind, &reading->row_count);
    err->where[0] = '\0';
    if (!id_is_valid(record->id))
        return err_set(err, "\"%s\" is not an id; allowed: " ID_ALLOWED, err_quote(record->id));
    if (!check_bytes(record, err) || !check_names(reading))
        return false;
    reading->arena = arena_new(0);
    return true;
}

void reading_end(struct reading *reading)
{
    arena_free(reading->arena);
}

/* ---- Field by field -------------------------------------------------------------------------- */

static bool parse_value(struct reading *reading, const struct record_form_row *row,
                        struct slice name, struct slice value, void *entry)
{
    reading->name = name;
    if (!row->parse(reading, value, (char *)entry + row->offset))
        return refuse_field(reading, row);
    return true;
}

static bool read_row(struct reading *reading, const struct record_form_row *row, void *entry)
{
    bool given = false;
    for (unsigned i = 0; i < reading->record->count; i++) {
        const struct record_field *field = &reading->record->fields[i];
        if (field->value.len == 0 || !row_takes(row, field->name))
            continue;
        if (!parse_value(reading, row, field->name, field->value, entry))
            return false;
        given = true;
    }
    if (given)
        return true;
    if (row->required) {
        (void)err_set(reading->err, "it is missing");
        return reading_refuse(reading, row->name);
    }
    struct slice preset = slice_cstr(row->preset);
    return preset.len == 0 || parse_value(reading, row, slice_cstr(row->name), preset, entry);
}

bool reading_run(struct reading *reading, void *entry)
{
    for (unsigned i = 0; i < reading->row_count; i++) {
        if (!read_row(reading, &reading->rows[i], entry))
            return false;
    }
    return true;
}

struct slice reading_value(const struct reading *reading, const char *name)
{
    const struct record *record = reading->record;
    for (unsigned i = 0; i < record->count; i++) {
        if (slice_eq(record->fields[i].name, slice_cstr(name)))
            return record->fields[i].value;
    }
    return slice_of(NULL, 0);
}

/* ---- For others ------------------------------------------------------------------------------ */

bool record_check(const struct record *record, struct err *err)
{
    struct slot *slot = NULL;
    struct campaign *campaign = NULL;
    struct creative *creative = NULL;
    switch (record->kind) {
    case RECORD_SLOT:
        slot = record_compile_slot(record, err);
        break;
    case RECORD_CAMPAIGN:
        campaign = record_compile_campaign(record, err);
        break;
    default:
        creative = record_compile_creative(record, err);
        break;
    }
    bool fine = slot || campaign || creative;
    slot_release(slot);
    campaign_release(campaign);
    creative_release(creative);
    return fine;
}

bool record_parse_caps(struct slice text, struct slice owner, struct caps *ret, struct err *err)
{
    return caps_parse(text, owner, ret, err) || add_allowed(err, CAPS_ALLOWED);
}

bool record_parse_money(struct slice text, int64_t *ret_micro, struct err *err)
{
    return field_money_parse(text, ret_micro, err) || add_allowed(err, MONEY_ALLOWED);
}

bool record_parse_time(struct slice text, struct slice timezone, int64_t *ret_us, struct err *err)
{
    const struct zone *zone = zone_find(timezone);
    if (!zone)
        return err_set(err, "\"%s\" is not a time zone", err_quote(timezone));
    return timestamp_parse(text, zone, ret_us, err) || add_allowed(err, TIMESTAMP_ALLOWED);
}
