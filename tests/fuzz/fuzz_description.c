/*
 * Any bytes as the description of a request for explain, line by line name=value: a part is refused
 * with its name and a reason, or what is made of all of them is within its limits.
 */
#include "base/check.h"
#include "decision/description.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARENA_MAX (256 * 1024)

static void check_facts(const struct description *description)
{
    struct page_facts facts;
    description_facts(description, &facts);
    CHECK(facts.device < DEVICE_COUNT && facts.browser < BROWSER_COUNT);
    CHECK(facts.system < SYSTEM_COUNT);
    CHECK(facts.language.len <= description->language.len);
    CHECK(facts.keyword_count <= FACTS_KEYWORDS_MAX);
    CHECK(facts.key_value_count <= FACTS_KEY_VALUES_MAX);
    CHECK(facts.path.len == 0 || facts.path.ptr[0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    struct slice rest = slice_of((const char *)data, size), line;
    struct description description;
    if (!arena)
        arena = arena_new(ARENA_MAX);
    arena_reset(arena);
    description_clear(&description);
    while (slice_next(&rest, '\n', &line)) {
        struct err err = {"", ""};
        size_t equals = slice_find(line, '=');
        if (!description_take(&description, arena, slice_of(line.ptr, equals),
                              slice_from(line, equals + 1), &err))
            CHECK(err.where[0] != '\0' && err.text[0] != '\0');
    }
    CHECK(description.query.slot_count <= PAGE_SLOTS_MAX);
    CHECK(description.agent.len <= DESCRIPTION_AGENT_MAX);
    CHECK(description.campaign.len == 0 || id_is_valid(description.campaign));
    check_facts(&description);
    return 0;
}
