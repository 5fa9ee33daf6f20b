/*
 * request_kinds: how many ad requests there were of each kind (decision/request_kind.h), counted by
 * all workers together, for `adctl forecast`.
 *
 * Added up in the worker and written every REQUEST_KINDS_WRITE_MS to the HASH
 * `<prefix>requests:<YYYYMMDD>` (UTC), field as request_kind_print() has it, which Redis keeps for
 * REQUEST_KINDS_DAYS. It is statistics: what a killed worker had not written, and what Redis does
 * not take, is lost.
 */
#ifndef STORE_REQUEST_KINDS_H
#define STORE_REQUEST_KINDS_H

#include "base/clock.h"
#include "store/redis.h"

#define REQUEST_KINDS_WRITE_MS 2000
#define REQUEST_KINDS_MAX      1024 /* kinds between two writes; more are not counted */
#define REQUEST_KINDS_DAYS     63
#define REQUEST_KINDS_KEY_MAX  80

struct loop;
struct request_kinds;

/* `redis` is used until it or this is freed; `prefix` must outlive it. */
struct request_kinds *request_kinds_new(struct loop *loop, struct redis *redis,
                                        struct slice prefix);
void request_kinds_free(struct request_kinds *kinds);

/* One request more; `at_ms` is wall time. */
void request_kinds_add(struct request_kinds *kinds, int64_t at_ms, uint32_t kind);

/* The key of a day since 1970. */
struct slice request_kinds_key(char buffer[REQUEST_KINDS_KEY_MAX], struct slice prefix,
                               int64_t day);

#endif
