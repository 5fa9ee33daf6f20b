#include "unit/serve/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64url.h"
#include "base/check.h"

static char folder[32], path[64], beside[64];

const char *ring_path(void)
{
    if (path[0] == '\0') {
        (void)snprintf(folder, sizeof(folder), "/tmp/masthead-ring-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
        (void)snprintf(path, sizeof(path), "%s/keyring", folder);
        (void)snprintf(beside, sizeof(beside), "%s/beside", folder);
    }
    return path;
}

static void write_key(FILE *file, const struct ring_key *key)
{
    uint8_t secret[32];
    char text[BASE64URL_ENCODED_LEN(sizeof(secret))];
    memset(secret, (int)key->n, sizeof(secret));
    size_t len = base64url_encode(text, secret, sizeof(secret));
    fprintf(file, "%08x %lld %.*s\n", key->n, (long long)key->made_s, (int)len, text);
}

void ring_write(const struct ring_key *keys, unsigned count, mode_t mode)
{
    (void)ring_path();
    FILE *file = fopen(beside, "w");
    CHECK(file != NULL);
    fputs("# signing keys of a test\n", file);
    for (unsigned i = 0; i < count; i++)
        write_key(file, &keys[i]);
    CHECK(fclose(file) == 0);
    CHECK(chmod(beside, mode) == 0);
    CHECK(rename(beside, path) == 0);
}

void ring_remove(void)
{
    (void)unlink(path);
    (void)rmdir(folder);
    path[0] = '\0';
}
