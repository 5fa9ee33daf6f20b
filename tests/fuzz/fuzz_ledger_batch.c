/*
 * Any bytes as a record of events in the spool: it is refused, or it is a batch whose ids and times
 * are within their limits, and which written again gives the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "store/ledger_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_event(const struct ledger_event *event, struct slice campaign)
{
    CHECK(event->kind < EVENT_KIND_COUNT && event->filter < EVENT_FILTER_COUNT);
    CHECK(slice_eq(event->campaign, campaign) && campaign.len <= ID_MAX);
    CHECK(event->creative.len <= ID_MAX && event->slot.len <= ID_MAX);
    CHECK(event->now_us >= 0 && event->issued_ms >= 0);
}

static void check_comes_back(const struct ledger_batch *batch, struct slice record)
{
    struct strbuf again;
    strbuf_init(&again, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&again, batch->campaign);
    for (unsigned i = 0; i < batch->count; i++)
        ledger_batch_add(&again, &batch->events[i]);
    ledger_batch_identify(&again, &batch->identity);
    CHECK(slice_eq(strbuf_slice(&again), record));
    strbuf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger_batch batch;
    struct slice record = slice_of((const char *)data, size);
    if (!ledger_batch_read(record, &batch))
        return 0;
    CHECK(batch.count > 0 && batch.count <= LEDGER_BATCH_EVENTS);
    for (unsigned i = 0; i < batch.count; i++)
        check_event(&batch.events[i], batch.campaign);
    check_comes_back(&batch, record);
    return 0;
}
