#include "store/scripts.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/check.h"
#include "base/embed.h"

#define SHA1_BYTES 20

static struct redis_script scripts[SCRIPT_COUNT] = {
    [SCRIPT_RESERVE] = {.name = "store/reserve.lua"},
    [SCRIPT_EVENT] = {.name = "store/event.lua"},
    [SCRIPT_SERVES] = {.name = "store/serves.lua"},
    [SCRIPT_CAPS] = {.name = "store/caps.lua"},
    [SCRIPT_LEASE] = {.name = "store/lease.lua"},
    [SCRIPT_CLICK_RATE] = {.name = "store/click_rate.lua"},
    [SCRIPT_CLICK_SHARE] = {.name = "store/click_share.lua"},
    [SCRIPT_CLICK_SHARE_SEEN] = {.name = "store/click_share_seen.lua"},
    [SCRIPT_FOLD] = {.name = "store/fold.lua"},
    [SCRIPT_ENTRY] = {.name = "store/entry.lua"},
};

static void load(struct redis_script *script)
{
    const struct embed_file *file = embed_find(slice_cstr(script->name));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    CHECK(file != NULL);
    CHECK(EVP_Digest(file->data, file->size, digest, &len, EVP_sha1(), NULL) == 1);
    CHECK(len == SHA1_BYTES);
    for (unsigned i = 0; i < SHA1_BYTES; i++)
        (void)snprintf(script->sha1 + (size_t)2 * i, 3, "%02x", digest[i]);
    script->text = slice_of(file->data, file->size);
}

const struct redis_script *script_get(enum script script)
{
    CHECK(script < SCRIPT_COUNT);
    if (!scripts[script].text.ptr)
        load(&scripts[script]);
    return &scripts[script];
}
