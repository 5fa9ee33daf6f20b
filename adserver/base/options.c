#include "base/options.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/options_table.h"

#define ENVIRONMENT_PREFIX SLICE("ADSERVER_")
#define ENVIRONMENT_MAX    64 /* bytes of the longest name of a variable, and some more */

/* What options_load() really returns. */
struct loaded {
    struct options options;
    char *where[OPTION_COUNT]; /* NULL: the table's default */
};

static const struct {
    const char *unit;
    int64_t ms;
} duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static bool unit_to_ms(struct slice unit, int64_t bare_unit_ms, int64_t *ret_ms)
{
    if (unit.len == 0) {
        *ret_ms = bare_unit_ms;
        return true;
    }
    for (size_t i = 0; i < sizeof duration_units / sizeof *duration_units; i++) {
        if (slice_eq(unit, slice_cstr(duration_units[i].unit))) {
            *ret_ms = duration_units[i].ms;
            return true;
        }
    }
    return false;
}

bool options_parse_duration(struct slice text, int64_t bare_unit_ms, int64_t *ret_ms)
{
    size_t digits = 0;
    uint64_t count;
    int64_t unit_ms, ms;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (!slice_to_u64(slice_of(text.ptr, digits), INT64_MAX, &count) ||
        !unit_to_ms(slice_from(text, digits), bare_unit_ms, &unit_ms) ||
        __builtin_mul_overflow((int64_t)count, unit_ms, &ms))
        return false;
    *ret_ms = ms;
    return true;
}

static bool parse_choice(const struct options_row *option, struct slice value, int *ret)
{
    struct slice rest = slice_cstr(option->choices);
    struct slice choice;
    for (int i = 0; slice_next(&rest, '|', &choice); i++) {
        if (slice_eq(choice, value)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool parse_number(struct slice text, int64_t *ret)
{
    uint64_t number;
    if (!slice_to_u64(text, INT64_MAX, &number))
        return false;
    *ret = (int64_t)number;
    return true;
}

static bool parse_duration(const struct options_row *option, struct slice text, int64_t *ret_ms)
{
    int64_t bare_unit_ms = slice_ends(slice_cstr(option->key), SLICE("_ms")) ? 1 : 1000;
    return options_parse_duration(text, bare_unit_ms, ret_ms);
}

/* A number as it is, a duration in milliseconds. */
static bool parse_amount(const struct options_row *option, struct slice text, int64_t *ret)
{
    return option->kind == OPTION_KIND_NUMBER ? parse_number(text, ret)
                                              : parse_duration(option, text, ret);
}

static bool parse_in_range(const struct options_row *option, struct slice value, int64_t *ret)
{
    int64_t least, most, amount;
    CHECK(parse_amount(option, slice_cstr(option->least), &least));
    CHECK(parse_amount(option, slice_cstr(option->most), &most));
    if (!parse_amount(option, value, &amount) || amount < least || amount > most)
        return false;
    *ret = amount;
    return true;
}

static void store_text(char **member, struct slice value)
{
    char *copy = check_malloc(value.len + 1);
    if (value.len)
        memcpy(copy, value.ptr, value.len);
    copy[value.len] = '\0';
    free(*member);
    *member = copy;
}

static bool store(struct options *options, const struct options_row *option, struct slice value)
{
    void *member = (char *)options + option->offset;
    switch (option->kind) {
    case OPTION_KIND_TEXT:
        store_text(member, value);
        return true;
    case OPTION_KIND_CHOICE:
        return parse_choice(option, value, member);
    case OPTION_KIND_NUMBER:
    case OPTION_KIND_DURATION:
        break;
    }
    return parse_in_range(option, value, member);
}

static bool refuse(const struct options_row *option, struct slice value, struct err *err)
{
    struct strbuf allowed;
    strbuf_init(&allowed, ERR_TEXT_MAX);
    options_add_allowed(&allowed, option);
    (void)err_set(err, "\"%s\" is not %s", err_quote(value), strbuf_cstr(&allowed));
    strbuf_release(&allowed);
    return false;
}

bool options_set(struct options *options, const struct options_row *option, struct slice value,
                 const char *where, struct err *err)
{
    struct loaded *loaded = (struct loaded *)options;
    char **remembered = &loaded->where[option - options_table];

    (void)err_at(err, "%s", where);
    if (value.len > OPTIONS_VALUE_MAX)
        return err_set(err, "is longer than %d bytes", OPTIONS_VALUE_MAX);
    if (!store(options, option, slice_trim(value)))
        return refuse(option, value, err);
    free(*remembered);
    *remembered = check_strdup(where);
    return true;
}

static struct options *new_options(void)
{
    struct loaded *loaded = check_calloc(1, sizeof *loaded);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct options_row *option = &options_table[i];
        CHECK(store(&loaded->options, option, slice_cstr(option->preset)));
    }
    return &loaded->options;
}

void options_free(struct options *options)
{
    struct loaded *loaded = (struct loaded *)options;
    if (!loaded)
        return;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (options_table[i].kind == OPTION_KIND_TEXT)
            free(*(char **)(void *)((char *)options + options_table[i].offset));
        free(loaded->where[i]);
    }
    free(loaded);
}

const char *options_where(const struct options *options, const char *name)
{
    const struct loaded *loaded = (const struct loaded *)options;
    struct slice key = slice_cstr(name);
    struct slice section;
    CHECK(slice_next(&key, '.', &section));
    const struct options_row *option = options_find(section, key);
    CHECK(option != NULL);
    const char *where = loaded->where[option - options_table];
    return where ? where : name;
}

/* "server" and "deadline_ms" as "SERVER_DEADLINE_MS"; without a key "SERVER_". */
static struct slice variable_name(const char *section, const char *key, char *to)
{
    int len = snprintf(to, ENVIRONMENT_MAX, "%s_%s", section, key);
    CHECK(len > 0 && len < ENVIRONMENT_MAX);
    for (int i = 0; i < len; i++) {
        if (to[i] >= 'a' && to[i] <= 'z')
            to[i] = (char)(to[i] - 'a' + 'A');
    }
    return slice_of(to, (size_t)len);
}

/* The option of a variable; NULL with `*ret_ours` when only the section is one of ours. */
static const struct options_row *find_variable(struct slice name, bool *ret_ours)
{
    char text[ENVIRONMENT_MAX];
    *ret_ours = false;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct options_row *option = &options_table[i];
        if (slice_eq(variable_name(option->section, option->key, text), name))
            return option;
        if (slice_starts(name, variable_name(option->section, "", text)))
            *ret_ours = true;
    }
    return NULL;
}

/* Variables of other programs are none of our business. */
static bool read_variable(struct options *options, struct slice variable, struct err *err)
{
    struct slice value = variable;
    struct slice name;
    bool ours;

    if (!slice_starts(variable, ENVIRONMENT_PREFIX) || !slice_next(&value, '=', &name))
        return true;
    const struct options_row *option =
        find_variable(slice_from(name, ENVIRONMENT_PREFIX.len), &ours);
    (void)err_at(err, "%s", err_quote(name));
    if (!option)
        return !ours || options_refuse_name(err);
    return options_set(options, option, value, err_quote(name), err);
}

static bool read_environment(struct options *options, char *const *environment, struct err *err)
{
    for (char *const *variable = environment; variable && *variable; variable++) {
        if (!read_variable(options, slice_cstr(*variable), err))
            return false;
    }
    return true;
}

static bool read_override(struct options *options, const char *text, struct err *err)
{
    struct slice value = slice_cstr(text);
    struct slice key, section;
    char where[ERR_WHERE_MAX];

    (void)err_at(err, "-o %s", err_quote(value));
    if (!slice_next(&value, '=', &key) || !value.ptr)
        return err_set(err, "is not of the form section.key=value");
    (void)snprintf(where, sizeof where, "-o %s", err_quote(key));
    (void)err_at(err, "%s", where);
    const struct options_row *option =
        slice_next(&key, '.', &section) ? options_find(section, key) : NULL;
    if (!option)
        return options_refuse_name(err);
    return options_set(options, option, value, where, err);
}

struct options *options_load(const char *path, char *const *environment,
                             const struct options_override *overrides, size_t override_count,
                             struct err *err)
{
    struct options *options = new_options();
    bool good = (!path || options_read_file(options, path, err)) &&
                read_environment(options, environment, err);
    for (size_t i = 0; good && i < override_count; i++)
        good = read_override(options, overrides[i].text, err);
    if (good)
        return options;
    options_free(options);
    return NULL;
}
