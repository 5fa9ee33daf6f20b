/*
 * api_token: the bearer token of the API, kept as a hash.
 */
#ifndef SERVE_API_TOKEN_H
#define SERVE_API_TOKEN_H

#include "base/err.h"
#include "http/request.h"

#define API_TOKEN_MIN   32 /* bytes */
#define API_TOKEN_MAX   512
#define API_TOKEN_BYTES 32 /* of its hash */

struct api_token {
    bool is_set; /* false: nobody is let in */
    uint8_t hash[API_TOKEN_BYTES];
};

/*
 * Reads a file that only its owner may read: the token alone, of printable ASCII without blanks, a
 * line's end behind it or not. `path` empty: none is set.
 */
bool api_token_read(const char *path, struct api_token *ret, struct err *err);

/*
 * Whether the request bears it: one line "Authorization: Bearer <token>". Takes the same time
 * whatever stands there.
 */
bool api_token_is_borne(const struct api_token *token, const struct http_request *request);

#endif
