#include "store/ledger_recent.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/strbuf.h"

/* Before each record: what is to become of it, and its length. */
#define HEAD_BYTES 3
enum { OPEN, DONE };

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
    if (recent->newer.len + HEAD_BYTES + record.len > LEDGER_RECENT_BYTES ||
        now_us - recent->since_us >= LEDGER_RECENT_MS * US_PER_MS)
        turn(recent);
    if (recent->newer.len == 0)
        recent->since_us = now_us;
    strbuf_add_char(&recent->newer, OPEN);
    strbuf_add_char(&recent->newer, (char)(record.len >> 8));
    strbuf_add_char(&recent->newer, (char)record.len);
    strbuf_add_slice(&recent->newer, record);
}

/* Of the entry at that place, which is up; all of it. */
static size_t entry_bytes(const struct ledger_recent *recent, size_t place)
{
    const char *head = recent->up.ptr + place;
    return HEAD_BYTES + ((size_t)(uint8_t)head[1] << 8 | (uint8_t)head[2]);
}

bool ledger_recent_recall(struct ledger_recent *recent)
{
    for (size_t at = 0; at < recent->up.len; at += entry_bytes(recent, at))
        recent->up.ptr[at] = OPEN;
    strbuf_add_slice(&recent->up, strbuf_slice(&recent->older));
    strbuf_add_slice(&recent->up, strbuf_slice(&recent->newer));
    strbuf_clear(&recent->older);
    strbuf_clear(&recent->newer);
    recent->at = 0;
    bool all = !recent->up.overflowed;
    recent->up.overflowed = false;
    return all;
}

bool ledger_recent_next(struct ledger_recent *recent, struct slice *ret, uint64_t *ret_place)
{
    while (recent->at < recent->up.len) {
        size_t place = recent->at, len = entry_bytes(recent, place);
        recent->at += len;
        if (recent->up.ptr[place] == DONE)
            continue;
        *ret = slice_of(recent->up.ptr + place + HEAD_BYTES, len - HEAD_BYTES);
        *ret_place = place;
        return true;
    }
    return false;
}

void ledger_recent_done(struct ledger_recent *recent, uint64_t place)
{
    CHECK(place < recent->up.len);
    recent->up.ptr[place] = DONE;
}

void ledger_recent_rewind(struct ledger_recent *recent)
{
    recent->at = 0;
}

void ledger_recent_forget(struct ledger_recent *recent)
{
    strbuf_release(&recent->up);
    strbuf_init(&recent->up, LEDGER_RECENT_UP_BYTES);
    recent->at = 0;
}
