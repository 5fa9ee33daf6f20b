/*
 * pcre: one Perl compatible regular expression that asks whether a user agent has it.
 *
 * Compiled to machine code where the system allows that (systemd's MemoryDenyWriteExecute= does
 * not: then it is interpreted, with the same answers). What a match may cost is bounded: beyond
 * PCRE_MATCH_LIMIT steps there is none. Bytes are taken as they are, without UTF-8.
 */
#ifndef DECISION_PCRE_H
#define DECISION_PCRE_H

#include "base/err.h"
#include "base/slice.h"

#define PCRE_PATTERN_MAX 1024 /* bytes */
#define PCRE_MATCH_LIMIT 20000
#define PCRE_HEAP_KIB    256 /* what the interpreter may take of memory for one match */

struct pcre;

/* NULL with `err->text`, where it is no pattern. */
struct pcre *pcre_new(struct slice pattern, bool any_case, struct err *err);
void pcre_free(struct pcre *pcre);

bool pcre_matches(const struct pcre *pcre, struct slice text);

/* Memory it takes, bytes. */
size_t pcre_size(const struct pcre *pcre);

#endif
