#include "store/ledger_identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "decision/id_table.h"
#include "decision/model.h"

/* How far one campaign has come. */
struct row {
    uint64_t number;
    uint64_t turn; /* the epoch that it is of, among this process's */
    uint8_t campaign_len;
    char campaign[ID_MAX];
};

struct ledger_epoch {
    uint8_t name[LEDGER_EPOCH_BYTES];
    uint64_t turn;
    struct id_table rows;
};

static struct slice id_of_row(const void *item)
{
    const struct row *row = item;
    return slice_of(row->campaign, row->campaign_len);
}

struct ledger_epoch *ledger_epoch_new(void)
{
    struct ledger_epoch *epoch = check_calloc(1, sizeof *epoch);
    random_secret(epoch->name, sizeof epoch->name);
    epoch->rows.id_of = id_of_row;
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
    if (row->turn != epoch->turn) {
        row->turn = epoch->turn;
        row->number = 0;
    }
    identity.number = ++row->number;
    memcpy(identity.epoch, epoch->name, sizeof identity.epoch);
    return identity;
}

void ledger_epoch_end(struct ledger_epoch *epoch, const struct ledger_identity *of)
{
    if (memcmp(of->epoch, epoch->name, sizeof epoch->name) != 0)
        return;
    random_secret(epoch->name, sizeof epoch->name);
    epoch->turn++;
}
