#include "store/ledger_batch.h"

#include <string.h>

#include "base/check.h"

#define IDENTITY_AT 1
#define BOARDED     0x80                                    /* beside the version */
#define CONVERTS    0x80                                    /* beside the kind */
#define TIME_END_US (INT64_C(253402300800) * US_PER_SECOND) /* the year 10000 */

/* ---- Writing ---- */

static void write_number(uint8_t to[8], uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(number >> (56 - 8 * i));
}

static void add_number(struct strbuf *record, uint64_t number)
{
    uint8_t bytes[8];
    write_number(bytes, number);
    strbuf_add(record, bytes, sizeof bytes);
}

static void add_text(struct strbuf *record, struct slice text)
{
    CHECK(text.len <= ID_MAX);
    strbuf_add_char(record, (char)text.len);
    strbuf_add_slice(record, text);
}

void ledger_batch_begin(struct strbuf *record, struct slice campaign)
{
    static const uint8_t nobody[LEDGER_EPOCH_BYTES + 8];
    CHECK(record->len == 0);
    strbuf_add_char(record, LEDGER_BATCH_VERSION);
    strbuf_add(record, nobody, sizeof nobody);
    add_text(record, campaign);
}

static void add_conversion(struct strbuf *record, const struct conversion *conversion)
{
    add_number(record, (uint64_t)conversion->value_micro);
    add_text(record, conversion->currency);
    add_text(record, conversion->order);
}

void ledger_batch_add(struct strbuf *record, const struct ledger_event *event)
{
    bool converts = event->converts && event->kind == EVENT_CLICK;
    strbuf_add_char(record, (char)(event->kind | (converts ? CONVERTS : 0)));
    add_number(record, (uint64_t)event->now_us);
    add_number(record, (uint64_t)event->issued_ms);
    strbuf_add(record, event->impression, IMPRESSION_BYTES);
    add_text(record, event->creative);
    add_text(record, event->slot);
    add_text(record, slice_cstr(event_filter_rows[event->filter].word));
    if (event->kind == EVENT_CONVERSION)
        add_conversion(record, &event->conversion);
    CHECK(!record->overflowed);
}

void ledger_batch_identify(struct strbuf *record, const struct ledger_identity *identity)
{
    uint8_t *to = (uint8_t *)record->ptr + IDENTITY_AT;
    memcpy(to, identity->epoch, LEDGER_EPOCH_BYTES);
    write_number(to + LEDGER_EPOCH_BYTES, identity->number);
}

void ledger_batch_board(struct strbuf *record, bool boarded)
{
    record->ptr[0] = (char)(LEDGER_BATCH_VERSION | (boarded ? BOARDED : 0));
}

/* ---- Reading: each takes something off the front of `rest`, or says that it is not there ---- */

static bool take_bytes(struct slice *rest, size_t len, const char **ret)
{
    if (rest->len < len)
        return false;
    *ret = rest->ptr;
    *rest = slice_from(*rest, len);
    return true;
}

static bool take_number(struct slice *rest, uint64_t *ret)
{
    const char *bytes;
    if (!take_bytes(rest, 8, &bytes))
        return false;
    *ret = 0;
    for (unsigned i = 0; i < 8; i++)
        *ret = *ret << 8 | (uint8_t)bytes[i];
    return true;
}

static bool take_text(struct slice *rest, struct slice *ret)
{
    const char *len, *bytes;
    if (!take_bytes(rest, 1, &len) || (uint8_t)*len > ID_MAX ||
        !take_bytes(rest, (uint8_t)*len, &bytes))
        return false;
    *ret = slice_of(bytes, (uint8_t)*len);
    return true;
}

static bool take_filter(struct slice *rest, enum event_filter *ret)
{
    struct slice word;
    if (!take_text(rest, &word))
        return false;
    for (unsigned i = 0; i < EVENT_FILTER_COUNT; i++) {
        if (!slice_eq(word, slice_cstr(event_filter_rows[i].word)))
            continue;
        *ret = (enum event_filter)i;
        return true;
    }
    return false;
}

static bool take_kind(struct slice *rest, struct ledger_event *ret)
{
    const char *bytes;
    if (!take_bytes(rest, 1, &bytes))
        return false;
    uint8_t kind = (uint8_t)*bytes;
    ret->converts = kind & CONVERTS;
    ret->kind = (enum event_kind)(kind & ~CONVERTS);
    return ret->converts ? ret->kind == EVENT_CLICK : ret->kind < EVENT_KIND_COUNT;
}

static bool take_conversion(struct slice *rest, struct conversion *ret)
{
    uint64_t value;
    if (!take_number(rest, &value) || !take_text(rest, &ret->currency) ||
        !take_text(rest, &ret->order))
        return false;
    ret->value_micro = (int64_t)value;
    return conversion_is_valid(ret);
}

static bool take_event(struct slice *rest, struct ledger_event *ret)
{
    const char *impression;
    uint64_t now_us, issued_ms;
    if (!take_kind(rest, ret) || !take_number(rest, &now_us) || now_us >= (uint64_t)TIME_END_US ||
        !take_number(rest, &issued_ms) || issued_ms >= (uint64_t)(TIME_END_US / US_PER_MS) ||
        !take_bytes(rest, IMPRESSION_BYTES, &impression) || !take_text(rest, &ret->creative) ||
        !take_text(rest, &ret->slot) || !take_filter(rest, &ret->filter))
        return false;
    ret->now_us = (int64_t)now_us;
    ret->issued_ms = (int64_t)issued_ms;
    memcpy(ret->impression, impression, IMPRESSION_BYTES);
    ret->conversion = (struct conversion){0};
    return ret->kind != EVENT_CONVERSION || take_conversion(rest, &ret->conversion);
}

bool ledger_batch_read(struct slice record, struct ledger_batch *ret)
{
    const char *version, *epoch;
    if (!take_bytes(&record, 1, &version) ||
        ((uint8_t)*version & ~BOARDED) != LEDGER_BATCH_VERSION ||
        !take_bytes(&record, LEDGER_EPOCH_BYTES, &epoch) ||
        !take_number(&record, &ret->identity.number) || !take_text(&record, &ret->campaign))
        return false;
    memcpy(ret->identity.epoch, epoch, LEDGER_EPOCH_BYTES);
    ret->boarded = (uint8_t)*version & BOARDED;
    for (ret->count = 0; record.len > 0; ret->count++) {
        if (ret->count == LEDGER_BATCH_EVENTS || !take_event(&record, &ret->events[ret->count]))
            return false;
        ret->events[ret->count].campaign = ret->campaign;
    }
    return ret->count > 0;
}
