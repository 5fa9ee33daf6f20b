/*
 * Any bytes as a record of the request log: refused, or within all limits and the same when written
 * and read again.
 */
#include "base/check.h"
#include "decision/logged_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice text, struct slice bytes)
{
    CHECK(text.len == 0 || (text.ptr >= bytes.ptr && text.ptr + text.len <= bytes.ptr + bytes.len));
}

static void check_facts(const struct page_facts *facts, struct slice bytes)
{
    CHECK(facts->device < DEVICE_COUNT && facts->browser < BROWSER_COUNT);
    CHECK(facts->system < SYSTEM_COUNT && facts->keyword_count <= FACTS_KEYWORDS_MAX);
    CHECK(facts->key_value_count <= FACTS_KEY_VALUES_MAX);
    CHECK(facts->country.len == 0 || facts->country.len == 2);
    check_within(facts->domain, bytes);
    check_within(facts->path, bytes);
    check_within(facts->referrer, bytes);
    for (unsigned i = 0; i < facts->keyword_count; i++)
        check_within(facts->keywords[i], bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = slice_of((const char *)data, size);
    struct logged_request request;
    struct strbuf again;
    if (!logged_request_read(bytes, &request))
        return 0;
    CHECK(request.slot_count >= 1 && request.slot_count <= PAGE_SLOTS_MAX);
    check_facts(&request.facts, bytes);
    strbuf_init(&again, LOGGED_REQUEST_MAX);
    logged_request_write(&request, &again);
    CHECK(!again.overflowed && slice_eq(strbuf_slice(&again), bytes));
    strbuf_release(&again);
    return 0;
}
