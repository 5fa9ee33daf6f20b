#include "decision/targeting_compile.h"

#include "base/check.h"
#include "decision/country.h"
#include "decision/hours.h"
#include "decision/targeting_forms.h"
#include "decision/targeting_layout.h"
#include "decision/text.h"

/* How the fields whose rules are texts are kept. */
static const struct text_row {
    enum targeting_field field;
    enum section_kind kind;
    bool folded; /* ASCII letters become small ones */
} text_rows[] = {
    {TARGETING_LANGUAGES, SECTION_LANGUAGE, true}, {TARGETING_DOMAINS, SECTION_DOMAIN, false},
    {TARGETING_PATHS, SECTION_PATH, false},        {TARGETING_REFERRERS, SECTION_REFERRER, false},
    {TARGETING_KEYWORDS, SECTION_KEYWORD, true},
};
#define TEXT_ROWS (sizeof text_rows / sizeof *text_rows)

static bool excludes(struct slice item)
{
    return item.ptr[0] == '!';
}

static struct slice bare(struct slice item)
{
    return slice_from(item, excludes(item) ? 1 : 0);
}

static unsigned count_excludes(const struct slice_list *list)
{
    unsigned count = 0;
    for (unsigned i = 0; i < list->count; i++)
        count += excludes(list->item[i]);
    return count;
}

/* ---- Room ------------------------------------------------------------------------------------ */

static size_t text_bytes(const struct slice_list *list)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < list->count; i++)
        bytes += sizeof(uint16_t) + list->item[i].len;
    return bytes;
}

static size_t section_bytes(size_t payload)
{
    return sizeof(struct section) + (payload + 7) / 8 * 8;
}

/* At most; all fields with a rule. */
static size_t bytes_of(const struct targeting_lists *lists)
{
    size_t bytes = sizeof(struct targeting) + section_bytes(sizeof(struct country_set)) +
                   section_bytes(sizeof(struct hours)) +
                   section_bytes(lists->fields[TARGETING_REGIONS].count * sizeof(uint64_t));
    for (size_t i = 0; i < TEXT_ROWS; i++)
        bytes += section_bytes(text_bytes(&lists->fields[text_rows[i].field]));
    for (unsigned i = 0; i < lists->key_value_count; i++) {
        const struct key_value_list *list = &lists->key_values[i];
        bytes += section_bytes(sizeof(uint16_t) + list->name.len + text_bytes(&list->values));
    }
    return bytes;
}

/* ---- Writing --------------------------------------------------------------------------------- */

struct writer {
    struct targeting *targeting;
    struct section *section;
    char *at; /* in its payload */
};

static void begin_section(struct writer *writer, enum section_kind kind)
{
    *writer->section = (struct section){.kind = (uint8_t)kind};
    writer->at = (char *)(writer->section + 1);
}

/* Bytes up to a multiple of 8 are zero, as all that comes from an arena. */
static void end_section(struct writer *writer)
{
    size_t bytes = section_bytes((size_t)(writer->at - (char *)(writer->section + 1)));
    CHECK(bytes / 8 <= UINT16_MAX && writer->targeting->section_count < UINT8_MAX);
    writer->section->eights = (uint16_t)(bytes / 8);
    writer->section += bytes / 8;
    writer->targeting->section_count++;
}

static void add_bytes(struct writer *writer, const void *bytes, size_t len)
{
    memcpy(writer->at, bytes, len);
    writer->at += len;
}

static void add_text(struct writer *writer, struct slice text, bool folded)
{
    uint16_t len = (uint16_t)text.len;
    add_bytes(writer, &len, sizeof len);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        *writer->at++ = (char)(folded && is_upper(c) ? c - 'A' + 'a' : c);
    }
}

static void add_texts(struct writer *writer, const struct slice_list *list, bool folded)
{
    unsigned count = count_excludes(list);
    writer->section->excludes = (uint16_t)count;
    writer->section->includes = (uint16_t)(list->count - count);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < list->count; i++) {
            if (excludes(list->item[i]) == (pass == 0))
                add_text(writer, bare(list->item[i]), folded);
        }
    }
}

/* ---- Fields ---------------------------------------------------------------------------------- */

static void write_countries(struct writer *writer, const struct slice_list *list)
{
    struct country_set set = {{0}};
    if (list->count == 0)
        return;
    if (count_excludes(list) == list->count)
        set = country_set_all();
    for (unsigned i = 0; i < list->count; i++) {
        if (!excludes(list->item[i]))
            country_set_add(&set, country_number(list->item[i]));
    }
    for (unsigned i = 0; i < list->count; i++) {
        if (excludes(list->item[i]))
            country_set_remove(&set, country_number(bare(list->item[i])));
    }
    begin_section(writer, SECTION_COUNTRY);
    add_bytes(writer, &set, sizeof set);
    end_section(writer);
}

static bool is_excluded(const struct slice_list *list, struct slice text)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (excludes(list->item[i]) && slice_eq(bare(list->item[i]), text))
            return true;
    }
    return false;
}

/* With includes, those that are not excluded; else the excludes. */
static void write_regions(struct writer *writer, const struct slice_list *list)
{
    bool only_excludes = count_excludes(list) == list->count;
    unsigned count = 0;
    if (list->count == 0)
        return;
    begin_section(writer, SECTION_REGION);
    for (unsigned i = 0; i < list->count; i++) {
        struct slice text = bare(list->item[i]);
        if (!only_excludes && is_excluded(list, text))
            continue;
        uint64_t code = region_code(text);
        add_bytes(writer, &code, sizeof code);
        count++;
    }
    *(only_excludes ? &writer->section->excludes : &writer->section->includes) = (uint16_t)count;
    end_section(writer);
}

static uint8_t mask_of(const struct slice_list *list, const char *const *words)
{
    unsigned includes = 0, refused = 0, all = 0;
    if (list->count == 0)
        return UINT8_MAX;
    for (unsigned i = 0; words[i]; i++)
        all |= 2U << i;
    for (unsigned i = 0; i < list->count; i++) {
        unsigned word = 0;
        CHECK(word_find(bare(list->item[i]), words, &word));
        *(excludes(list->item[i]) ? &refused : &includes) |= 2U << word;
    }
    bool only_excludes = count_excludes(list) == list->count;
    return (uint8_t)((only_excludes ? all : includes) & ~refused);
}

static void write_texts(struct writer *writer, const struct targeting_lists *lists)
{
    for (size_t i = 0; i < TEXT_ROWS; i++) {
        const struct slice_list *list = &lists->fields[text_rows[i].field];
        if (list->count == 0)
            continue;
        begin_section(writer, text_rows[i].kind);
        add_texts(writer, list, text_rows[i].folded);
        end_section(writer);
    }
}

static void write_key_values(struct writer *writer, const struct targeting_lists *lists)
{
    for (unsigned i = 0; i < lists->key_value_count; i++) {
        begin_section(writer, SECTION_KV);
        add_text(writer, lists->key_values[i].name, false);
        add_texts(writer, &lists->key_values[i].values, false);
        end_section(writer);
    }
}

static void write_hours(struct writer *writer, const struct slice_list *list)
{
    struct hours includes = {{0}}, refused = {{0}};
    if (list->count == 0)
        return;
    if (count_excludes(list) == list->count)
        CHECK(hours_add(&includes, SLICE("00-24")));
    for (unsigned i = 0; i < list->count; i++)
        CHECK(hours_add(excludes(list->item[i]) ? &refused : &includes, bare(list->item[i])));
    for (unsigned i = 0; i < sizeof includes.bits / sizeof *includes.bits; i++)
        includes.bits[i] &= ~refused.bits[i];
    begin_section(writer, SECTION_HOURS);
    add_bytes(writer, &includes, sizeof includes);
    end_section(writer);
}

static bool is_empty(const struct targeting_lists *lists)
{
    for (unsigned i = 0; i < TARGETING_FIELD_COUNT; i++) {
        if (lists->fields[i].count > 0)
            return false;
    }
    return lists->key_value_count == 0;
}

const struct targeting *targeting_compile(const struct targeting_lists *lists, struct arena *arena)
{
    if (is_empty(lists))
        return NULL;
    struct targeting *targeting = arena_alloc(arena, bytes_of(lists));
    struct writer writer = {targeting, (struct section *)(void *)(targeting + 1), NULL};
    targeting->devices = mask_of(&lists->fields[TARGETING_DEVICES], device_words);
    targeting->browsers = mask_of(&lists->fields[TARGETING_BROWSERS], browser_words);
    targeting->systems = mask_of(&lists->fields[TARGETING_SYSTEMS], system_words);
    write_countries(&writer, &lists->fields[TARGETING_COUNTRIES]);
    write_regions(&writer, &lists->fields[TARGETING_REGIONS]);
    write_texts(&writer, lists);
    write_key_values(&writer, lists);
    write_hours(&writer, &lists->fields[TARGETING_HOURS]);
    targeting->run.size = (uint32_t)((char *)writer.section - (char *)targeting);
    return targeting;
}
