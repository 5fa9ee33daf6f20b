/*
 * document: the JSON of `adctl import` and `adctl export`.
 *
 *     {"slots": [{"id": "header", "sizes": ["970x250", "728x90"]}],
 *      "campaigns": [{"id": "spring", "slots": ["header"], "weight": 3,
 *                     "creatives": [{"id": "spring-970", "type": "image", …}]}]}
 *
 * Members are the hashes' fields: lists are arrays of strings (one string, as in the hash, will do
 * too), numbers are numbers or strings, all others are strings. A creative stands in its campaign,
 * and need not name it. Each object is its entry whole.
 */
#ifndef CTL_DOCUMENT_H
#define CTL_DOCUMENT_H

#include <stdio.h>

#include "base/strbuf.h"
#include "ctl/entry.h"

#define DOCUMENT_BYTES_MAX   (128 * 1024 * 1024)
#define DOCUMENT_ENTRIES_MAX 100000
/* Nesting is limited by the JSON library, at 2048 levels; the form needs five. */

struct document {
    struct entry *entries; /* slots; then each campaign with its creatives behind it */
    unsigned count;
};

/*
 * Reads and checks all of it. Mistakes name the place: "FILE:12:3" where it is no JSON, else the
 * member ("campaigns[2].creatives[0].landing"). False when there was one; `ret` is then not to be
 * used.
 */
bool document_read(struct slice text, const char *file, struct arena *arena, struct document *ret,
                   struct mistakes *mistakes);

/*
 * Writes entries, which stand in the order of entry_compare(); the same entries give the same
 * bytes. What the form can't hold is left out and told in `mistakes`: a creative of a campaign that
 * is not there, text that is not UTF-8.
 */
void document_write(const struct entry *entries, unsigned count, FILE *to,
                    struct mistakes *mistakes);

/*
 * An entry's members, without the braces around them, a line each, `indent` blanks before it. With
 * `owner` a creative names its campaign. False, and nothing is added, where some text is not UTF-8.
 */
bool document_add_members(struct strbuf *to, const struct entry *entry, bool owner, int indent);

/* Enough for one entry. */
#define DOCUMENT_ENTRY_MAX (8 * RECORD_BYTES_MAX)

#endif
