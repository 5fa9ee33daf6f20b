/*
 * secrets: what all servers on one Redis must agree on to know a viewer again, and nobody else may
 * know: a salt for first-party ids, and one a UTC day for the daily hash.
 *
 * Both are made by whichever server comes first (SET NX) under `<prefix>secret:viewer` and
 * `<prefix>secret:day:<YYYYMMDD>`; the daily one expires in Redis after two days and is forgotten
 * here SECRETS_BACK_US after its day is over (a leap second is a second of yesterday that comes
 * again after midnight has been seen). Until they are known there is no viewer identity. Now and
 * then all are asked for again, so that servers agree also after Redis has lost them.
 */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "base/clock.h"
#include "store/redis.h"

#define SECRET_BYTES    32
#define SECRETS_KEY_MAX 96
#define SECRETS_BACK_US (300 * US_PER_SECOND) /* how far a clock may go back */

struct secrets;

struct secrets *secrets_new(struct loop *loop, struct redis *redis, const struct clock *clock,
                            struct slice prefix);
void secrets_free(struct secrets *secrets);

/* To be called when the connection has come up; asks for what is missing or may have changed. */
void secrets_refresh(struct secrets *secrets);

/* SECRET_BYTES, or NULL while not known. Valid for this turn. */
const uint8_t *secrets_viewer(const struct secrets *secrets);
const uint8_t *secrets_today(struct secrets *secrets, int64_t now_us);

/* Where they stand in Redis, for readers; `prefix` is at most 64 bytes. */
struct slice secrets_key(char buffer[SECRETS_KEY_MAX], struct slice prefix);
struct slice secrets_key_of_day(char buffer[SECRETS_KEY_MAX], struct slice prefix, int64_t now_us);

#endif
