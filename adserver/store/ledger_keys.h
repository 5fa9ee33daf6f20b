/*
 * ledger_keys: the names of the ledger's keys in Redis (CONTRACT section 4).
 */
#ifndef STORE_LEDGER_KEYS_H
#define STORE_LEDGER_KEYS_H

#include <stdint.h>

#include "base/slice.h"

#define LEDGER_PREFIX_MAX 64
#define LEDGER_KEY_MAX    256
#define LEDGER_HOUR_MAX   16

/* "2026113019", UTC, with a NUL. */
void ledger_hour(int64_t wall_us, char ret[LEDGER_HOUR_MAX]);

/*
 * `<prefix><kind>:{<campaign>}<rest>` into `buffer`; an id longer than ID_MAX is cut, which no name
 * that was ever valid is.
 */
struct slice ledger_key(char buffer[LEDGER_KEY_MAX], struct slice prefix, const char *kind,
                        struct slice campaign, const char *rest);

#endif
