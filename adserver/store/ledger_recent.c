#include "store/ledger_recent.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/strbuf.h"

#define LENGTH_BYTES 2

struct ledger_recent {
    struct strbuf newer, older;
    int64_t since_us; /* when the newer one began */
    struct strbuf up; /* to be sent again */
    size_t at;        /* how far that has come */
};

static void init_buffer(struct strbuf *buffer)
{
    strbuf_init(buffer, LEDGER_RECENT_BYTES);
}

struct ledger_recent *ledger_recent_new(void)
{
    struct ledger_recent *recent = check_calloc(1, sizeof *recent);
    init_buffer(&recent->newer);
    init_buffer(&recent->older);
    strbuf_init(&recent->up, LEDGER_RECENT_UP_BYTES);
    return recent;
}

void ledger_recent_free(struct ledger_recent *recent)
{
    if (!recent)
        return;
    strbuf_release(&recent->newer);
    strbuf_release(&recent->older);
    strbuf_release(&recent->up);
    free(recent);
}

static void turn(struct ledger_recent *recent)
{
    struct strbuf forgotten = recent->older;
    recent->older = recent->newer;
    recent->newer = forgotten;
    strbuf_clear(&recent->newer);
}

void ledger_recent_add(struct ledger_recent *recent, struct slice record, int64_t now_us)
{
    CHECK(record.len <= UINT16_MAX);
    if (recent->newer.len + LENGTH_BYTES + record.len > LEDGER_RECENT_BYTES ||
        now_us - recent->since_us >= LEDGER_RECENT_MS * US_PER_MS)
        turn(recent);
    if (recent->newer.len == 0)
        recent->since_us = now_us;
    strbuf_add_char(&recent->newer, (char)(record.len >> 8));
    strbuf_add_char(&recent->newer, (char)record.len);
    strbuf_add_slice(&recent->newer, record);
}

void ledger_recent_recall(struct ledger_recent *recent)
{
    strbuf_add_slice(&recent->up, strbuf_slice(&recent->older));
    strbuf_add_slice(&recent->up, strbuf_slice(&recent->newer));
    strbuf_clear(&recent->older);
    strbuf_clear(&recent->newer);
    recent->at = 0;
}

bool ledger_recent_next(struct ledger_recent *recent, struct slice *ret, uint64_t *ret_place)
{
    if (recent->at >= recent->up.len)
        return false;
    const char *from = recent->up.ptr + recent->at;
    size_t len = (size_t)(uint8_t)from[0] << 8 | (uint8_t)from[1];
    *ret = slice_of(from + LENGTH_BYTES, len);
    *ret_place = recent->at;
    recent->at += LENGTH_BYTES + len;
    return true;
}

void ledger_recent_rewind(struct ledger_recent *recent, uint64_t place)
{
    CHECK(place <= recent->up.len);
    recent->at = (size_t)place;
}

void ledger_recent_forget(struct ledger_recent *recent)
{
    strbuf_release(&recent->up);
    strbuf_init(&recent->up, LEDGER_RECENT_UP_BYTES);
    recent->at = 0;
}
