#include "store/impression.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64url.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "decision/id_table.h"
#include "decision/model.h"

#define PROCESS_BYTES 10
#define BLOCK_BYTES   14 /* process and block */

/* The open block of one campaign. */
struct block {
    uint32_t number;
    uint32_t used;
    int64_t opened_us;
    uint8_t campaign_len;
    char campaign[ID_MAX];
};

struct impression_numbers {
    uint8_t process[PROCESS_BYTES];
    uint32_t blocks;      /* opened so far */
    struct id_table open; /* struct block, by campaign */
};

static struct slice id_of_block(const void *item)
{
    const struct block *block = item;
    return slice_of(block->campaign, block->campaign_len);
}

struct impression_numbers *impression_numbers_new(void)
{
    struct impression_numbers *numbers = check_calloc(1, sizeof *numbers);
    random_secret(numbers->process, sizeof numbers->process);
    numbers->open.id_of = id_of_block;
    return numbers;
}

void impression_numbers_free(struct impression_numbers *numbers)
{
    if (!numbers)
        return;
    for (unsigned i = 0; i < numbers->open.capacity; i++)
        free(numbers->open.items[i]);
    id_table_release(&numbers->open);
    free(numbers);
}

static struct block *find_block(struct impression_numbers *numbers, struct slice campaign)
{
    struct block *block = id_table_find(&numbers->open, campaign);
    if (block)
        return block;
    CHECK(campaign.len <= ID_MAX);
    block = check_calloc(1, sizeof *block);
    block->used = IMPRESSION_BLOCK;
    block->campaign_len = (uint8_t)campaign.len;
    memcpy(block->campaign, campaign.ptr, campaign.len);
    CHECK(id_table_put(&numbers->open, block) == NULL);
    return block;
}

void impression_next(struct impression_numbers *numbers, struct slice campaign, int64_t now_us,
                     uint8_t ret[IMPRESSION_BYTES])
{
    struct block *block = find_block(numbers, campaign);
    int64_t age_us = now_us - block->opened_us;
    if (block->used == IMPRESSION_BLOCK || age_us < 0 ||
        age_us >= IMPRESSION_BLOCK_AGE_MS * US_PER_MS) {
        block->number = numbers->blocks++;
        block->used = 0;
        block->opened_us = now_us;
    }
    block->used++;
    memcpy(ret, numbers->process, PROCESS_BYTES);
    for (unsigned i = 0; i < 4; i++)
        ret[PROCESS_BYTES + i] = (uint8_t)(block->number >> (24 - 8 * i));
    ret[BLOCK_BYTES] = (uint8_t)(block->used >> 8);
    ret[BLOCK_BYTES + 1] = (uint8_t)block->used;
}

void impression_block(const uint8_t impression[IMPRESSION_BYTES], char ret[IMPRESSION_NAME_MAX])
{
    size_t len = base64url_encode(ret, impression, BLOCK_BYTES);
    CHECK(len < IMPRESSION_NAME_MAX);
    ret[len] = '\0';
}

unsigned impression_place(const uint8_t impression[IMPRESSION_BYTES])
{
    return (unsigned)impression[BLOCK_BYTES] << 8 | impression[BLOCK_BYTES + 1];
}
