/*
 * ledger_batch: events of one campaign that go to Redis in one call, as bytes, as they stand in the
 * spool.
 *
 * Big-endian: 1 version, its highest bit set where the batch stood on the board (flight_board.h)
 * before it was ever sent, 8 epoch, 8 number (ledger_identity.h), 1+n campaign; then of each event
 * 1 kind, 8 time, 8 time of issue, 16 impression, 1+n creative, 1+n slot, 1+n its filter's word,
 * empty where it counts. The highest bit of the kind says that a conversion may follow the click.
 * Behind a conversion's come 8 value in micro-units, 1+n currency, 1+n order, empty where it has
 * none.
 */
#ifndef STORE_LEDGER_BATCH_H
#define STORE_LEDGER_BATCH_H

#include "base/strbuf.h"
#include "decision/model.h"
#include "store/ledger.h"
#include "store/ledger_identity.h"

#define LEDGER_BATCH_VERSION    1
#define LEDGER_BATCH_EVENTS     64 /* at most, and at least one */
#define LEDGER_BATCH_HEAD       (1 + LEDGER_EPOCH_BYTES + 8 + 1 + ID_MAX)
#define LEDGER_CONVERSION_BYTES (8 + 1 + CONVERSION_CURRENCY_BYTES + 1 + CONVERSION_ORDER_MAX)
/* Of one event, at most. */
#define LEDGER_EVENT_BYTES \
    (1 + 8 + 8 + IMPRESSION_BYTES + 3 * (1 + ID_MAX) + LEDGER_CONVERSION_BYTES)
#define LEDGER_BATCH_BYTES (LEDGER_BATCH_HEAD + LEDGER_BATCH_EVENTS * LEDGER_EVENT_BYTES)

/* Begins one in an empty buffer, whose maximum is LEDGER_BATCH_BYTES; it has no identity yet. */
void ledger_batch_begin(struct strbuf *record, struct slice campaign);
/* Adds an event of that campaign; the caller counts them. Ids are within ID_MAX (CHECKed). */
void ledger_batch_add(struct strbuf *record, const struct ledger_event *event);
void ledger_batch_identify(struct strbuf *record, const struct ledger_identity *identity);
/* Whether it stands on the board before it is ever sent; it does not until this says so. */
void ledger_batch_board(struct strbuf *record, bool boarded);

struct ledger_batch {
    struct ledger_identity identity;
    struct slice campaign;
    bool boarded;
    unsigned count;
    struct ledger_event events[LEDGER_BATCH_EVENTS];
};

/* False where that is no such record. The slices point into `record`. */
bool ledger_batch_read(struct slice record, struct ledger_batch *ret);

#endif
