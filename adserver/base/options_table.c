#include "base/options_table.h"

#define OFFSET(member) offsetof(struct options, member)

/* clang-format off */
const struct options_row options_table[OPTION_COUNT] = {
#define OPTION_TEXT(section, key, preset, help)                                                    \
    {#section, #key, OPTION_KIND_TEXT, preset, NULL, NULL, NULL, help, OFFSET(section##_##key)},
#define OPTION_CHOICE(section, key, preset, choices, help)                                         \
    {#section, #key, OPTION_KIND_CHOICE, preset, choices, NULL, NULL, help, OFFSET(section##_##key)},
#define OPTION_NUMBER(section, key, preset, min, max, help)                                        \
    {#section, #key, OPTION_KIND_NUMBER, #preset, NULL, #min, #max, help, OFFSET(section##_##key)},
#define OPTION_DURATION(section, key, preset, min, max, help)                                      \
    {#section, #key, OPTION_KIND_DURATION, preset, NULL, min, max, help,                           \
     OFFSET(section##_##key##_in_ms)},
#include "base/options.def"
#undef OPTION_TEXT
#undef OPTION_CHOICE
#undef OPTION_NUMBER
#undef OPTION_DURATION
};
/* clang-format on */

const struct options_row *options_find(struct slice section, struct slice key)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct options_row *option = &options_table[i];
        if (slice_eq(slice_cstr(option->section), section) &&
            slice_eq(slice_cstr(option->key), key))
            return option;
    }
    return NULL;
}

bool options_refuse_name(struct err *err)
{
    return err_set(err, "is no option; adserver -h lists them");
}

bool options_has_section(struct slice section)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (slice_eq(slice_cstr(options_table[i].section), section))
            return true;
    }
    return false;
}

void options_add_allowed(struct strbuf *buf, const struct options_row *option)
{
    struct slice rest = slice_cstr(option->choices);
    struct slice choice;
    switch (option->kind) {
    case OPTION_KIND_TEXT:
        break;
    case OPTION_KIND_CHOICE:
        for (const char *before = "one of "; slice_next(&rest, '|', &choice); before = ", ")
            strbuf_addf(buf, "%s%.*s", before, SLICE_ARGS(choice));
        break;
    case OPTION_KIND_NUMBER:
        strbuf_addf(buf, "a number from %s to %s", option->least, option->most);
        break;
    case OPTION_KIND_DURATION:
        strbuf_addf(buf, "a duration from %s to %s", option->least, option->most);
        break;
    }
}

void options_add_sections(struct strbuf *buf)
{
    const char *last = NULL;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *section = options_table[i].section;
        if (!last || strcmp(section, last) != 0)
            strbuf_addf(buf, "%s%s", last ? ", " : "", section);
        last = section;
    }
}
