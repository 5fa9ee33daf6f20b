/*
 * redis_wire: commands as bytes (RESP2: arrays of bulk strings, so that an argument may hold
 * anything and never be taken for another command).
 */
#ifndef STORE_REDIS_WIRE_H
#define STORE_REDIS_WIRE_H

#include "base/slice.h"
#include "base/strbuf.h"

/* A whole command. */
void redis_wire_command(struct strbuf *to, const struct slice *args, unsigned count);

/* Its parts: how many arguments follow, and one of them. */
void redis_wire_begin(struct strbuf *to, unsigned count);
void redis_wire_arg(struct strbuf *to, struct slice arg);
void redis_wire_number(struct strbuf *to, uint64_t number);

/* At least the bytes that the command takes. */
size_t redis_wire_size(const struct slice *args, unsigned count);

#endif
