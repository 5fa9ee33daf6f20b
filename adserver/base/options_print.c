#include <stdio.h>
#include <string.h>

#include "base/options_table.h"

typedef void print_option(FILE *to, const struct options_row *option, const char *allowed);

static void print_all(FILE *to, print_option *print)
{
    struct strbuf allowed;
    strbuf_init(&allowed, ERR_TEXT_MAX);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        strbuf_clear(&allowed);
        options_add_allowed(&allowed, &options_table[i]);
        print(to, &options_table[i], strbuf_cstr(&allowed));
    }
    strbuf_release(&allowed);
}

static void print_help(FILE *to, const struct options_row *option, const char *allowed)
{
    fprintf(to, "  %s.%s = %s\n      %s\n", option->section, option->key, option->preset,
            option->help);
    if (*allowed)
        fprintf(to, "      Allowed: %s.\n", allowed);
}

void options_print_help(FILE *to)
{
    print_all(to, print_help);
}

static bool begins_section(const struct options_row *option)
{
    return option == options_table || strcmp(option->section, option[-1].section) != 0;
}

static void print_sample(FILE *to, const struct options_row *option, const char *allowed)
{
    if (begins_section(option))
        fprintf(to, "\n[%s]\n", option->section);
    fprintf(to, "\n# %s\n", option->help);
    if (*allowed)
        fprintf(to, "# Allowed: %s.\n", allowed);
    fprintf(to, "%s =%s%s\n", option->key, *option->preset ? " " : "", option->preset);
}

void options_print_sample(FILE *to)
{
    fputs(
        "# Masthead: every option with its default.\n"
        "#\n"
        "# The environment (ADSERVER_SERVER_LISTEN=...) wins over this file, and the command line\n"
        "# (-o server.listen=...) over both. A duration is a number with ms, s, m, h or d. Comments\n"
        "# have lines of their own. `adserver -t -c FILE` checks a file; SIGHUP reads it again.\n",
        to);
    print_all(to, print_sample);
}

/* Text in which roff sees nothing but text. */
static void print_roff(FILE *to, struct slice text)
{
    fputs("\\&", to); /* a full stop or quote at the beginning would be a command */
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            fputs("\\e", to);
        else
            fputc(text.ptr[i], to);
    }
}

/* Each on a line of its own, as manual pages have it. */
static void print_sentences(FILE *to, struct slice text)
{
    const char *end;
    while ((end = memmem(text.ptr, text.len, ". ", 2))) {
        size_t len = (size_t)(end - text.ptr) + 1;
        print_roff(to, slice_of(text.ptr, len));
        fputc('\n', to);
        text = slice_from(text, len + 1);
    }
    print_roff(to, text);
    fputc('\n', to);
}

static void print_manual(FILE *to, const struct options_row *option, const char *allowed)
{
    fprintf(to, ".It Ic %s.%s\n", option->section, option->key);
    print_sentences(to, slice_cstr(option->help));
    if (*allowed)
        fprintf(to, "Allowed: %s.\n", allowed);
    if (*option->preset == '\0') {
        fputs("Empty by default.\n", to);
        return;
    }
    fputs("The default is\n.Ql ", to);
    print_roff(to, slice_cstr(option->preset));
    fputs("\\& .\n", to); /* a default that ends in a colon would have it taken away */
}

void options_print_manual(FILE *to)
{
    print_all(to, print_manual);
}
