/*
 * command: what adctl can do, one table: it finds the command typed, checks how it was called, and
 * gives help and manual page their contents. Each command stands in a file of its own.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include "base/strbuf.h"
#include "ctl/tool.h"
#include "decision/record.h"

/* Options that belong to single commands. */
enum command_flag {
    FLAG_DRY_RUN = 1 << 0,
    FLAG_JSON = 1 << 1,
    FLAG_NO_JS = 1 << 2,
    FLAG_FORCE = 1 << 3,
    FLAG_WITH_CREATIVES = 1 << 4,
    FLAG_DAYS = 1 << 5,
    FLAG_DESCRIPTION = 1 << 8, /* what describes a request, see struct given */
    FLAG_CAMPAIGN = 1 << 9,
    FLAG_REPORT = 1 << 10, /* the other parameters of a report */
    FLAG_STATS = 1 << 11,
    FLAG_ONCE = 1 << 12,
    FLAG_INTERVAL = 1 << 13,
    FLAG_SINCE = 1 << 14,
    FLAG_FROM = 1 << 15,
    FLAG_FORMAT = 1 << 16,
    FLAG_FOLLOW = 1 << 17,
    FLAG_OUT = 1 << 18,
    FLAG_FILE_BYTES = 1 << 19,
};
#define COMMAND_FLAGS_MAX 64

struct command_flag_row {
    const char *name; /* without the dashes */
    enum command_flag flag;
    const char *help;
    const char *value; /* "N": what follows it; NULL: nothing */
};
/* The last one has no name. */
extern const struct command_flag_row command_flags[];

/* A part of a description, as it was given: "--url", "https://blog.example/". */
struct given {
    const char *name; /* without the dashes */
    const char *value;
};
#define COMMAND_GIVEN_MAX 128

/* A command as it was called. */
struct call {
    enum record_kind kind; /* where the noun is one */
    unsigned flags;
    const char *values[COMMAND_FLAGS_MAX]; /* by row of command_flags; NULL: not given */
    const struct given *given;             /* in their order, each as often as it was given */
    unsigned given_count;
    char *const *args; /* what follows noun and verb */
    unsigned count;
};

/* What was given with an option that takes a value; NULL where it was not. */
const char *call_value(const struct call *call, enum command_flag flag);

typedef enum tool_result command_fn(struct tool *tool, const struct call *call);

struct command {
    unsigned kinds;    /* bits (1 << kind): its nouns are these kinds; 0: `noun` */
    const char *noun;  /* "import" */
    const char *verb;  /* NULL: the noun is all */
    const char *args;  /* "ID field=value..."; empty: none */
    unsigned min, max; /* how many of them; COMMAND_ARGS_MAX: any number */
    unsigned flags;    /* bits of those it takes */
    bool wants_redis;
    bool shows_fields; /* its help ends with the fields of the kind */
    command_fn *run;
    const char *summary; /* one phrase */
    const char *details; /* sentences; may be empty */
};

#define COMMAND_ARGS_MAX 4096

/* All of them, in the order of the help; `*ret_count` of them. */
const struct command *command_table(unsigned *ret_count);

/*
 * The command that the words begin with; `*ret_used` of them name it. NULL with what to say in
 * `err`.
 */
const struct command *command_find(char *const *words, unsigned count, enum record_kind *ret_kind,
                                   unsigned *ret_used, struct err *err);

/* Whether it may be called so; `err` says what is wrong. */
bool command_check(const struct command *command, const struct call *call, struct err *err);

/* "slot|campaign list [--json]" */
void command_add_synopsis(struct strbuf *to, const struct command *command);

command_fn command_import;
command_fn command_export;
command_fn command_validate;
command_fn command_list;
command_fn command_show;
command_fn command_create;
command_fn command_set;
command_fn command_pause;
command_fn command_resume;
command_fn command_archive;
command_fn command_delete;
command_fn command_snippet;
command_fn command_explain;
command_fn command_forecast;
command_fn command_events;
command_fn command_report;
command_fn command_compact;
command_fn command_reconcile;
command_fn command_top;
command_fn command_rotate_keys;

#endif
