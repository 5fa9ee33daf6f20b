/*
 * keyring: the signing keys of tokens, in a file that only its owner may read.
 *
 * A text file, one key a line: `<id, 8 hex digits> <made, unix seconds> <secret, base64url>`, and
 * lines beginning with `#`. The newest key signs. Making a new one retires the one before it, which
 * stays good for a time after that moment (page_ttl; longer for click ids), so that what is already
 * out keeps working; the next rotation removes those that are good for nothing any more. Servers
 * that share viewers share this file's contents.
 *
 * The file is refused when group or others may read or write it, and when a secret is shorter than
 * KEYRING_SECRET_BYTES. Every change writes a new file beside it and renames.
 */
#ifndef STORE_KEYRING_H
#define STORE_KEYRING_H

#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"

#define KEYRING_SECRET_BYTES 32
#define KEYRING_KEYS_MAX     64
#define KEYRING_FILE_MAX     16384

struct keyring_key {
    uint32_t id;
    int64_t made_us;    /* wall time */
    int64_t retired_us; /* when the next key was made; INT64_MAX for the newest */
    uint8_t secret[KEYRING_SECRET_BYTES];
};

struct keyring {
    struct keyring_key keys[KEYRING_KEYS_MAX]; /* oldest first */
    unsigned count;                            /* at least 1 */
};

/* Reads and checks the file. False with `err`, `ret` untouched. */
bool keyring_load(const char *path, struct keyring *ret, struct err *err);

/* Makes the file with one new key, mode 0600, where there is none; a file that exists is left. */
bool keyring_ensure(const char *path, int64_t now_us, struct err *err);

/* Adds a new key and drops those retired more than `kept_ms` ago. Safe against another rotation. */
bool keyring_rotate(const char *path, int64_t now_us, int64_t kept_ms, uint32_t *ret_id,
                    struct err *err);

/* The key that signs. */
const struct keyring_key *keyring_newest(const struct keyring *keyring);

/* The key with that id while it is still good at `now_us`; NULL otherwise. */
const struct keyring_key *keyring_find(const struct keyring *keyring, uint32_t id, int64_t now_us,
                                       int64_t ttl_ms);

/* Overwrites the secrets. */
void keyring_wipe(struct keyring *keyring);

#endif
