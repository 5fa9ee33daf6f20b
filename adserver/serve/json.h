/*
 * json: writing JSON objects member by member, commas taken care of.
 */
#ifndef SERVE_JSON_H
#define SERVE_JSON_H

#include "base/strbuf.h"

/* `[` or `{`, and an item's or member's leading comma where one is due. */
void json_open(struct strbuf *buf, char bracket);
void json_close(struct strbuf *buf, char bracket);

/* The name of the next member; a value or json_open() follows. */
void json_name(struct strbuf *buf, const char *name);
void json_name_slice(struct strbuf *buf, struct slice name);

void json_u64(struct strbuf *buf, const char *name, uint64_t number);
void json_bool(struct strbuf *buf, const char *name, bool value);
void json_text(struct strbuf *buf, const char *name, struct slice text);

/* A duration in microseconds as milliseconds with three decimals. */
void json_ms(struct strbuf *buf, const char *name, int64_t us);

#endif
