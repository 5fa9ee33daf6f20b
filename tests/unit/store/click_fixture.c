#include "unit/store/click_fixture.h"

#include <stdlib.h>

#include "base/check.h"

const uint8_t click_salt[SECRET_BYTES] = {1, 2, 3};
const uint8_t click_tomorrows_salt[SECRET_BYTES] = {4, 5, 6};

static bool all_are_up(void *arg)
{
    const struct click_bench *bench = arg;
    bool up = true;
    for (unsigned i = 0; i < SERVERS; i++)
        up = up && redis_is_up(bench->redis[i]);
    return up;
}

int click_set_up(void **state)
{
    struct click_bench *bench = check_calloc(1, sizeof *bench);
    struct redis_config config = {.target = &server.target};
    redis_fixture_say(&server, "FLUSHALL");
    bench->loop = loop_new();
    for (unsigned i = 0; i < SERVERS; i++)
        bench->redis[i] = redis_new(bench->loop, &config);
    run_until(bench->loop, all_are_up, bench, PATIENCE_MS);
    *state = bench;
    return 0;
}

int click_tear_down(void **state)
{
    struct click_bench *bench = *state;
    for (unsigned i = 0; i < SERVERS; i++)
        redis_free(bench->redis[i]);
    loop_free(bench->loop);
    free(bench);
    return 0;
}
