/*
 * record: one Redis hash of a slot, campaign or creative, checked field by field and compiled.
 *
 * One table a kind says of each field its name, form, default, limits and where it goes; reader,
 * adctl's import and export, and the docs use the same rows. Checking is strict: an unknown field,
 * a value out of range, or a missing required field refuses the whole entry and says which field,
 * what is wrong and what is allowed. A field with an empty value is one that is not given.
 */
#ifndef DECISION_RECORD_H
#define DECISION_RECORD_H

#include "base/err.h"
#include "decision/model.h"

#define RECORD_FIELDS_MAX 128          /* fields of one hash */
#define RECORD_VALUE_MAX  HTML_MAX     /* bytes of one value */
#define RECORD_BYTES_MAX  (128 * 1024) /* bytes of one hash, names and values */

enum record_kind { RECORD_SLOT, RECORD_CAMPAIGN, RECORD_CREATIVE, RECORD_KIND_COUNT };

/* "slot", "campaign", "creative": the middle part of the key `ad:<kind>:<id>`. */
extern const char *const record_kind_words[RECORD_KIND_COUNT];

struct record_field {
    struct slice name, value;
};

struct record {
    enum record_kind kind;
    struct slice id;
    const struct record_field *fields;
    unsigned count;
};

/*
 * The compiled entry with one reference, the caller's; it keeps nothing of the record. NULL when it
 * is refused: `err.where` holds the field's name (empty: the entry as a whole), `err.text` what is
 * wrong and what is allowed.
 */
struct slot *record_compile_slot(const struct record *record, struct err *err);
struct campaign *record_compile_campaign(const struct record *record, struct err *err);
struct creative *record_compile_creative(const struct record *record, struct err *err);

/* The same check without the result. */
bool record_check(const struct record *record, struct err *err);

/* What adctl and the docs need to know of a field. */
enum record_form {
    FORM_TEXT,   /* a string */
    FORM_NUMBER, /* a whole number or a decimal one: a JSON number in import and export */
    FORM_LIST,   /* comma separated: a JSON array */
};

/* Turns a field's text into the member `to` of the entry; see field.h. */
struct reading;
typedef bool record_parse_fn(struct reading *reading, struct slice text, void *to);

struct record_form_row {
    const char *name; /* "sizes"; "kv." stands for all that begin so */
    enum record_form form;
    bool required;       /* always; what a creative needs for its type is told apart */
    const char *preset;  /* default as it would be written; "" where there is none */
    const char *allowed; /* one phrase */
    /* For the readers of this room. */
    record_parse_fn *parse;
    size_t offset;
};
/* The rows of a kind; `*ret_count` of them. */
const struct record_form_row *record_forms(enum record_kind kind, unsigned *ret_count);

/*
 * Parts that other modules check by the same rules. The owner of caps is "campaign/<id>" or
 * "creative/<id>".
 */
bool record_parse_caps(struct slice text, struct slice owner, struct caps *ret, struct err *err);
bool record_parse_money(struct slice text, int64_t *ret_micro, struct err *err);
/*
 * RFC 3339; a time without offset is in `timezone` (a name of the tz database). Where clocks there
 * show it twice, the first is meant; where they jump over it, the moment of the jump.
 */
bool record_parse_time(struct slice text, struct slice timezone, int64_t *ret_us, struct err *err);

#endif
