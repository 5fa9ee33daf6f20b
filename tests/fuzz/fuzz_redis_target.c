/*
 * Any text as redis.url: what is taken names servers that can be asked, holds no NUL, and a refusal
 * says why.
 */
#include <stdlib.h>

#include "base/check.h"
#include "store/redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(const char *host, int port)
{
    CHECK(host[0] != '\0');
    CHECK(port >= 1 && port <= 65535);
}

static void check_target(const struct redis_target *target)
{
    bool is_many = target->kind != REDIS_SINGLE;
    CHECK(is_many == (target->seed_count > 0) && target->seed_count <= REDIS_SEEDS_MAX);
    CHECK((target->kind == REDIS_SENTINEL) == (target->service != NULL));
    CHECK(target->db >= 0 && (target->db == 0 || target->kind != REDIS_CLUSTER));
    for (unsigned i = 0; i < target->seed_count; i++)
        check_address(target->seeds[i].host, target->seeds[i].port);
    if (is_many)
        CHECK(!target->host && !target->unix_path);
    else if (target->unix_path)
        CHECK(target->unix_path[0] == '/' && !target->host);
    else
        check_address(target->host, target->port);
    CHECK(!target->user || target->password);
    CHECK(!target->sentinel_user || target->sentinel_password);
}

static void check_one_of_many(const struct redis_target *target)
{
    struct redis_target one = redis_target_at(target, "host", 1);
    struct redis_target sentinel = redis_target_sentinel(target, "host", 1);
    redis_target_move(&one, "other", 2);
    CHECK(redis_target_is_at(&one, "other", 2) && redis_target_is_at(&sentinel, "host", 1));
    CHECK(one.db == target->db && (one.password != NULL) == (target->password != NULL));
    redis_target_release(&one);
    redis_target_release(&sentinel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_target target;
    struct err err = {"", ""};
    char *url = check_malloc(size + 1);
    if (size)
        memcpy(url, data, size);
    url[size] = '\0';
    if (redis_target_parse(url, NULL, &target, &err)) {
        check_target(&target);
        check_one_of_many(&target);
        redis_target_release(&target);
    } else {
        CHECK(err.text[0] != '\0');
    }
    free(url);
    return 0;
}
