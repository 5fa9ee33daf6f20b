/*
 * Any bytes as what Redis says of an event stream: reading goes on behind what was read, gaps are
 * as large as the numbers say, and an entry that is taken is one line, which tells where it stood.
 */
#include "base/check.h"
#include "ctl/events_page.h"
#include "store/redis_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPLY_MAX ((size_t)65536)

/* Characters that must be quoted never came through. */
static void check_line(enum events_format format, const struct event_entry *entry, uint64_t number)
{
    struct strbuf line;
    struct events_position position;
    strbuf_init(&line, EVENTS_LINE_MAX);
    events_format_line(format, SLICE("spring"), entry, number, &line);
    CHECK(!line.overflowed && slice_find(strbuf_slice(&line), '\n') == line.len - 1);
    CHECK(events_format_position(format, slice_of(line.ptr, line.len - 1), &position));
    CHECK(position.number == number && event_id_compare(position.id, entry->id) == 0);
    strbuf_release(&line);
}

static void check_page(const struct events_page *page, struct events_position before,
                       struct events_position after)
{
    struct event_entry entry;
    for (size_t i = 0; i < page->count; i++) {
        if (!event_entry_read(&page->entries[i], &entry))
            continue;
        CHECK(event_id_compare(entry.id, before.id) > 0);
        CHECK(event_id_compare(entry.id, after.id) <= 0);
        check_line(EVENTS_NDJSON, &entry, page->number + i);
        check_line(EVENTS_CSV, &entry, page->number + i);
    }
    if (page->gap == EVENTS_GAP_LOST)
        CHECK(page->lost > 0 && before.number + page->lost + 1 == page->number);
    if (page->gap == EVENTS_GAP_NONE && before.number > 0)
        CHECK(page->number == before.number + 1);
    if (page->count > 0)
        CHECK(after.number == page->number + page->count - 1);
}

/* The same text as the last line of a file. */
static void check_position(struct slice text)
{
    struct events_position position;
    for (unsigned format = 0; format < EVENTS_FORMAT_COUNT; format++)
        (void)events_format_position((enum events_format)format, text, &position);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_reader *reader = redis_reader_new(REPLY_MAX);
    struct events_position position = {{0, 0}, 0};
    const struct redis_reply *reply;
    check_position(slice_of((const char *)data, size));
    redis_reader_feed(reader, data, size);
    while (redis_reader_next(reader, &reply) == REDIS_READ_REPLY) {
        struct events_position before = position;
        struct events_page page;
        const char *why;
        if (events_page_read(reply, &position, &page, &why) == EVENTS_PAGE_READ)
            check_page(&page, before, position);
        else
            CHECK(event_id_compare(before.id, position.id) == 0 &&
                  before.number == position.number);
    }
    redis_reader_free(reader);
    return 0;
}
