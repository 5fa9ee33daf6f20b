#include "serve/share_rest.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/shared.h"
#include "store/click_share.h"

struct share_rest {
    _Atomic int64_t until_us; /* 0: it never rested */
};

struct share_rest *share_rest_new(void)
{
    return shared_new(sizeof(struct share_rest));
}

void share_rest_free(struct share_rest *rest)
{
    shared_free(rest, sizeof *rest);
}

/* Of two workers at once either may win: they differ by less than an answer takes. */
void share_rest_begin(struct share_rest *rest, int64_t now_us)
{
    atomic_store_explicit(&rest->until_us, now_us + CLICK_SHARE_WINDOW_MS * US_PER_MS,
                          memory_order_relaxed);
}

bool share_rests(const struct share_rest *rest, int64_t now_us)
{
    return now_us < atomic_load_explicit(&rest->until_us, memory_order_relaxed);
}
