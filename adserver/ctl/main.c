/*
 * adctl: the campaign manager's tool. Reads its command line and configuration and runs one command
 * of ctl/command.h.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/help.h"

#define OVERRIDES_MAX 256  /* -o on one command line, --redis included */
#define FLAG_OPTION   1000 /* getopt's value of command_flags[0] */

/* What has been freed is kept up to there, as the next batch of replies wants it again. */
#define KEPT_BYTES (64 * 1024 * 1024)

enum { OPTION_REDIS = 256 };

struct command_line {
    const char *config_path; /* NULL: defaults */
    struct options_override overrides[OVERRIDES_MAX];
    unsigned override_count;
    const char *redis; /* wins over configuration and overrides; NULL: not given */
    bool wants_help, wants_version;
    unsigned flags;
    const char *values[COMMAND_FLAGS_MAX]; /* of those that take one */
    struct given given[COMMAND_GIVEN_MAX];
    unsigned given_count;
    char *const *words;
    unsigned word_count;
};

static int usage(const char *where, const char *text)
{
    fprintf(stderr, "adctl: %s%s%s\nadctl: -h shows what is allowed\n", where, where[0] ? ": " : "",
            text);
    return TOOL_USAGE;
}

/* ---- Command line ---------------------------------------------------------------------------- */

static void list_options(struct option options[COMMAND_FLAGS_MAX + 3])
{
    unsigned count = 0;
    options[count++] = (struct option){"redis", required_argument, NULL, OPTION_REDIS};
    options[count++] = (struct option){"help", no_argument, NULL, 'h'};
    for (int i = 0; command_flags[i].name; i++) {
        CHECK(i < COMMAND_FLAGS_MAX);
        int argument = command_flags[i].value ? required_argument : no_argument;
        options[count++] = (struct option){command_flags[i].name, argument, NULL, FLAG_OPTION + i};
    }
    options[count] = (struct option){NULL, 0, NULL, 0};
}

static bool take_flag(struct command_line *line, unsigned at)
{
    const struct command_flag_row *row = &command_flags[at];
    line->flags |= (unsigned)row->flag;
    line->values[at] = optarg;
    if (!row->value)
        return true;
    if (line->given_count == COMMAND_GIVEN_MAX) {
        fprintf(stderr, "adctl: --%s: more than %d options\n", row->name, COMMAND_GIVEN_MAX);
        return false;
    }
    line->given[line->given_count++] = (struct given){row->name, optarg};
    return true;
}

static bool take_option(struct command_line *line, int option)
{
    switch (option) {
    case 'c':
        line->config_path = optarg;
        return true;
    case 'o':
        if (line->override_count == OVERRIDES_MAX - 1) {
            fprintf(stderr, "adctl: -o: more than %d of them\n", OVERRIDES_MAX - 1);
            return false;
        }
        line->overrides[line->override_count++].text = optarg;
        return true;
    case OPTION_REDIS:
        line->redis = optarg;
        return true;
    case 'V':
        line->wants_version = true;
        return true;
    case 'h':
        line->wants_help = true;
        return true;
    default:
        return option >= FLAG_OPTION && take_flag(line, (unsigned)(option - FLAG_OPTION));
    }
}

/* Options may stand before and behind the command. */
static bool read_command_line(int argc, char **argv, struct command_line *line)
{
    struct option options[COMMAND_FLAGS_MAX + 3];
    int option;
    list_options(options);
    while ((option = getopt_long(argc, argv, "c:o:Vh", options, NULL)) != -1) {
        if (!take_option(line, option))
            return false;
    }
    line->words = argv + optind;
    line->word_count = (unsigned)(argc - optind);
    return true;
}

/* ---- Running --------------------------------------------------------------------------------- */

static struct options *load(struct command_line *line, struct err *err)
{
    struct strbuf redis;
    strbuf_init(&redis, OPTIONS_VALUE_MAX + 64);
    if (line->redis) {
        strbuf_addf(&redis, "redis.url=%s", line->redis);
        line->overrides[line->override_count++].text = strbuf_cstr(&redis);
    }
    struct options *options =
        options_load(line->config_path, environ, line->overrides, line->override_count, err);
    strbuf_release(&redis);
    return options;
}

/* For the audit; options are left out, since an address may hold a password. */
static void add_typed(struct strbuf *to, const struct command_line *line)
{
    for (unsigned i = 0; i < line->word_count; i++)
        strbuf_addf(to, "%s%s", i > 0 ? " " : "", line->words[i]);
    for (unsigned i = 0; command_flags[i].name; i++) {
        if (!(line->flags & (unsigned)command_flags[i].flag))
            continue;
        strbuf_addf(to, " --%s", command_flags[i].name);
        if (line->values[i])
            strbuf_addf(to, " %s", line->values[i]);
    }
}

static enum tool_result run_with(struct tool *tool, const struct command *command,
                                 const struct call *call)
{
    enum tool_result result = command->wants_redis ? tool_connect(tool) : TOOL_DONE;
    if (result == TOOL_DONE)
        result = command->run(tool, call);
    if ((fflush(tool->out) != 0 || ferror(tool->out)) && result == TOOL_DONE) {
        (void)tool_refuse(tool, "standard output", "cannot be written; allowed: one that can");
        result = TOOL_REFUSED;
    }
    mistakes_print(&tool->mistakes, tool->err);
    return result;
}

static int run(struct command_line *line, const struct command *command, const struct call *call)
{
    struct tool tool;
    struct err err = {"", ""};
    struct strbuf typed;
    struct options *options = load(line, &err);
    if (!options)
        return usage(err.where, err.text);
    strbuf_init(&typed, SIZE_MAX / 2);
    add_typed(&typed, line);
    tool_init(&tool, options, stdout, stderr);
    tool.typed = strbuf_cstr(&typed);
    enum tool_result result = run_with(&tool, command, call);
    tool_release(&tool);
    strbuf_release(&typed);
    options_free(options);
    return (int)result;
}

int main(int argc, char **argv)
{
    struct command_line line = {.config_path = NULL};
    struct call call = {.count = 0};
    struct err err = {"", ""};
    unsigned used;
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    if (!read_command_line(argc, argv, &line))
        return usage("", "it cannot be called like this");
    if (line.wants_version) {
        printf("adctl %s\n", MASTHEAD_VERSION);
        return 0;
    }
    if (line.word_count == 0) {
        if (!line.wants_help)
            return usage("", "the command is missing");
        help_print(stdout);
        return 0;
    }
    const struct command *command =
        command_find(line.words, line.word_count, &call.kind, &used, &err);
    if (!command)
        return usage(err.where, err.text);
    if (line.wants_help) {
        help_print_command(command, call.kind, stdout);
        return 0;
    }
    call.flags = line.flags;
    memcpy(call.values, line.values, sizeof call.values);
    call.given = line.given;
    call.given_count = line.given_count;
    call.args = line.words + used;
    call.count = line.word_count - used;
    if (!command_check(command, &call, &err))
        return usage(err.where, err.text);
    return run(&line, command, &call);
}
