#include "store/ledger_keys.h"

#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "decision/model.h"

void ledger_hour(int64_t wall_us, char ret[LEDGER_HOUR_MAX])
{
    time_t seconds = (time_t)(wall_us / US_PER_SECOND);
    struct tm tm;
    CHECK(gmtime_r(&seconds, &tm) != NULL);
    CHECK(strftime(ret, LEDGER_HOUR_MAX, "%Y%m%d%H", &tm) > 0);
}

struct slice ledger_key(char buffer[LEDGER_KEY_MAX], struct slice prefix, const char *kind,
                        struct slice campaign, const char *rest)
{
    if (campaign.len > ID_MAX)
        campaign.len = ID_MAX;
    int len = snprintf(buffer, LEDGER_KEY_MAX, "%.*s%s:{%.*s}%s", SLICE_ARGS(prefix), kind,
                       SLICE_ARGS(campaign), rest);
    CHECK(len > 0 && len < LEDGER_KEY_MAX);
    return slice_of(buffer, (size_t)len);
}
