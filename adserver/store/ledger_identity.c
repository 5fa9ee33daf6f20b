#include "store/ledger_identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "decision/id_table.h"
#include "decision/model.h"

struct era {
    uint8_t name[LEDGER_EPOCH_BYTES];
    uint64_t turn; /* among those of this process, from 1 on; 0: it has not begun */
    uint64_t open; /* batches that Redis has not dealt with, as far as is known */
};

/* How far one campaign has come. */
struct row {
    uint64_t numbers[LEDGER_EPOCHS_KEPT];
    uint64_t turns[LEDGER_EPOCHS_KEPT]; /* of the era that the number is of */
    uint8_t campaign_len;
    char campaign[ID_MAX];
};

struct ledger_epoch {
    struct era eras[LEDGER_EPOCHS_KEPT];
    unsigned current;
    uint64_t turn; /* given last */
    struct id_table rows;
};

static struct slice id_of_row(const void *item)
{
    const struct row *row = item;
    return slice_of(row->campaign, row->campaign_len);
}

static void begin(struct ledger_epoch *epoch, unsigned place)
{
    struct era *era = &epoch->eras[place];
    random_secret(era->name, sizeof era->name);
    era->turn = ++epoch->turn;
    era->open = 0;
    epoch->current = place;
}

struct ledger_epoch *ledger_epoch_new(void)
{
    struct ledger_epoch *epoch = check_calloc(1, sizeof *epoch);
    epoch->rows.id_of = id_of_row;
    begin(epoch, 0);
    return epoch;
}

void ledger_epoch_free(struct ledger_epoch *epoch)
{
    if (!epoch)
        return;
    for (unsigned i = 0; i < epoch->rows.capacity; i++)
        free(epoch->rows.items[i]);
    id_table_release(&epoch->rows);
    free(epoch);
}

static struct row *find_row(struct ledger_epoch *epoch, struct slice campaign)
{
    struct row *row = id_table_find(&epoch->rows, campaign);
    if (row)
        return row;
    CHECK(campaign.len <= ID_MAX);
    row = check_calloc(1, sizeof *row);
    row->campaign_len = (uint8_t)campaign.len;
    memcpy(row->campaign, campaign.ptr, campaign.len);
    CHECK(id_table_put(&epoch->rows, row) == NULL);
    return row;
}

struct ledger_identity ledger_epoch_next(struct ledger_epoch *epoch, struct slice campaign)
{
    struct ledger_identity identity;
    struct row *row = find_row(epoch, campaign);
    unsigned place = epoch->current;
    struct era *era = &epoch->eras[place];
    if (row->turns[place] != era->turn) {
        row->turns[place] = era->turn;
        row->numbers[place] = 0;
    }
    era->open++;
    identity.number = ++row->numbers[place];
    memcpy(identity.epoch, era->name, sizeof identity.epoch);
    return identity;
}

static bool is_of(const struct era *era, const struct ledger_identity *identity)
{
    return era->turn > 0 && memcmp(identity->epoch, era->name, sizeof era->name) == 0;
}

void ledger_epoch_settled(struct ledger_epoch *epoch, const struct ledger_identity *of)
{
    for (unsigned i = 0; i < LEDGER_EPOCHS_KEPT; i++) {
        struct era *era = &epoch->eras[i];
        if (is_of(era, of) && era->open > 0)
            era->open--;
    }
}

void ledger_epoch_end(struct ledger_epoch *epoch, const struct ledger_identity *of)
{
    unsigned next = (epoch->current + 1) % LEDGER_EPOCHS_KEPT;
    if (!is_of(&epoch->eras[epoch->current], of))
        return;
    for (unsigned i = 0; i < LEDGER_EPOCHS_KEPT; i++) {
        const struct era *era = &epoch->eras[i];
        if (i != epoch->current && era->turn > 0 && era->open == 0) {
            epoch->current = i;
            return;
        }
    }
    begin(epoch, next);
}
