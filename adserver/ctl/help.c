#include "ctl/help.h"

#define SYNOPSIS_MAX 512

/* ---- adctl -h -------------------------------------------------------------------------------- */

static void print_head(FILE *to)
{
    fputs("usage: adctl [-c FILE] [--redis URL] [-o section.key=value]... COMMAND\n"
          "       adctl -V | -h | COMMAND -h\n\n"
          "  -c FILE      configuration of the server (INI)\n"
          "  --redis URL  Redis, instead of redis.url of the configuration\n"
          "  -o ...       overrides one option; repeatable\n"
          "  -V           version\n"
          "  -h           this help, or that of a command\n\n",
          to);
}

void help_print(FILE *to)
{
    unsigned count;
    const struct command *commands = command_table(&count);
    struct strbuf synopsis;
    strbuf_init(&synopsis, SYNOPSIS_MAX);
    print_head(to);
    fputs("Commands:\n", to);
    for (unsigned i = 0; i < count; i++) {
        strbuf_clear(&synopsis);
        command_add_synopsis(&synopsis, &commands[i]);
        fprintf(to, "  %s\n      %s\n", strbuf_cstr(&synopsis), commands[i].summary);
    }
    strbuf_release(&synopsis);
    fputs("\nExits 0 when done, 1 when refused (standard error says where, what is wrong and what\n"
          "is allowed; nothing is written), 2 when it was called wrongly.\n",
          to);
}

/* "sizes", "kv.<name>" */
static void add_field_name(struct strbuf *to, const struct record_form_row *row)
{
    strbuf_add_cstr(to, row->name);
    if (slice_ends(slice_cstr(row->name), SLICE(".")))
        strbuf_add_cstr(to, "<name>");
}

static void print_field(const struct record_form_row *row, FILE *to)
{
    struct strbuf name;
    strbuf_init(&name, SYNOPSIS_MAX);
    add_field_name(&name, row);
    fprintf(to, "  %-18s%s", strbuf_cstr(&name), row->allowed);
    if (row->required)
        fputs("; required", to);
    if (row->preset[0])
        fprintf(to, "; default: %s", row->preset);
    fputc('\n', to);
    strbuf_release(&name);
}

static void print_fields(enum record_kind kind, FILE *to)
{
    unsigned count;
    const struct record_form_row *rows = record_forms(kind, &count);
    fprintf(to, "\nFields of a %s:\n", record_kind_words[kind]);
    for (unsigned i = 0; i < count; i++)
        print_field(&rows[i], to);
}

void help_print_command(const struct command *command, enum record_kind kind, FILE *to)
{
    struct strbuf synopsis;
    strbuf_init(&synopsis, SYNOPSIS_MAX);
    command_add_synopsis(&synopsis, command);
    fprintf(to, "usage: adctl %s\n\nThis command %s.\n", strbuf_cstr(&synopsis), command->summary);
    strbuf_release(&synopsis);
    if (command->details[0])
        fprintf(to, "%s\n", command->details);
    for (const struct command_flag_row *row = command_flags; row->name; row++) {
        if (command->flags & (unsigned)row->flag)
            fprintf(to, "\n  --%s %-*s%s\n", row->name, (int)(15 - strlen(row->name)),
                    row->value ? row->value : "", row->help);
    }
    if (command->shows_fields)
        print_fields(kind, to);
}

/* ---- docs/adctl.1 ---------------------------------------------------------------------------- */

/* Text in which roff sees nothing but text, and what ends it. */
static void print_roff(FILE *to, struct slice text, const char *end)
{
    fputs("\\&", to); /* a full stop or quote at the beginning would be a command */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            fputs("\\e", to);
        else
            fputc(text.ptr[i], to);
    }
    fprintf(to, "%s\n", end);
}

/* Each on a line of its own, as manual pages have it. */
static void print_sentences(FILE *to, struct slice text)
{
    const char *end;
    while (text.len > 0 && (end = memmem(text.ptr, text.len, ". ", 2))) {
        size_t len = (size_t)(end - text.ptr) + 1;
        print_roff(to, slice_of(text.ptr, len), "");
        text = slice_from(text, len + 1);
    }
    if (text.len > 0)
        print_roff(to, text, "");
}

void help_print_manual_commands(FILE *to)
{
    unsigned count;
    const struct command *commands = command_table(&count);
    struct strbuf synopsis;
    strbuf_init(&synopsis, SYNOPSIS_MAX);
    fputs(".Bl -tag -width Ds\n", to);
    for (unsigned i = 0; i < count; i++) {
        strbuf_clear(&synopsis);
        command_add_synopsis(&synopsis, &commands[i]);
        fprintf(to, ".It Ic %s\n", strbuf_cstr(&synopsis));
        fprintf(to, "\\&%c%s.\n", commands[i].summary[0] - 'a' + 'A', commands[i].summary + 1);
        print_sentences(to, slice_cstr(commands[i].details));
    }
    fputs(".El\n", to);
    strbuf_release(&synopsis);
}

static void print_manual_field(const struct record_form_row *row, struct strbuf *name, FILE *to)
{
    strbuf_clear(name);
    add_field_name(name, row);
    fprintf(to, ".It Ic %s\n", strbuf_cstr(name));
    print_roff(to, slice_cstr(row->allowed), ".");
    if (row->required)
        fputs("Required.\n", to);
    if (row->preset[0])
        fprintf(to, "Default:\n.Ql %s .\n", row->preset);
}

void help_print_manual_fields(FILE *to)
{
    struct strbuf name;
    strbuf_init(&name, SYNOPSIS_MAX);
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        unsigned count;
        const struct record_form_row *rows = record_forms((enum record_kind)kind, &count);
        fprintf(to, ".Ss %s\n.Bl -tag -width Ds\n", record_kind_words[kind]);
        for (unsigned i = 0; i < count; i++)
            print_manual_field(&rows[i], &name, to);
        fputs(".El\n", to);
    }
    strbuf_release(&name);
}
