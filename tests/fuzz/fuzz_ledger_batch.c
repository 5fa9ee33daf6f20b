/*
 * Any bytes as a batch of events out of the spool: refused, or read so that writing what was read
 * gives the same bytes.
 */
#include "base/check.h"
#include "store/ledger_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of((const char *)data, size);
    struct ledger_batch batch;
    struct strbuf again;
    if (!ledger_batch_read(bytes, &batch))
        return 0;
    CHECK(batch.count >= 1 && batch.count <= LEDGER_BATCH_EVENTS);
    strbuf_init(&again, LEDGER_BATCH_BYTES);
    ledger_batch_begin(&again, batch.campaign);
    for (unsigned i = 0; i < batch.count; i++) {
        CHECK(conversion_is_valid(&batch.events[i].conversion));
        ledger_batch_add(&again, &batch.events[i]);
    }
    ledger_batch_identify(&again, &batch.identity);
    CHECK(slice_eq(strbuf_slice(&again), bytes));
    strbuf_release(&again);
    return 0;
}
