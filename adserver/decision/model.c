#include "decision/model.h"

#include "base/check.h"

const char *const status_words[] = {"active", "paused", "archived", NULL};
const char *const tier_words[] = {"sponsorship", "standard", "remnant", "house", NULL};
const char *const creative_type_words[] = {"image", "html", "text", NULL};

struct slot *slot_retain(struct slot *slot)
{
    slot->references++;
    return slot;
}

struct campaign *campaign_retain(struct campaign *campaign)
{
    campaign->references++;
    return campaign;
}

struct creative *creative_retain(struct creative *creative)
{
    creative->references++;
    return creative;
}

/* An entry lives in its own arena, so that freeing the arena is all. */
static void release(unsigned *references, struct arena *arena)
{
    CHECK(*references > 0);
    if (--*references == 0)
        arena_free(arena);
}

void slot_release(struct slot *slot)
{
    if (slot)
        release(&slot->references, slot->arena);
}

void campaign_release(struct campaign *campaign)
{
    if (campaign)
        release(&campaign->references, campaign->arena);
}

void creative_release(struct creative *creative)
{
    if (creative)
        release(&creative->references, creative->arena);
}

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool id_is_valid(struct slice id)
{
    if (id.len < 1 || id.len > ID_MAX || !is_lower_alnum(id.ptr[0]))
        return false;
    for (size_t i = 1; i < id.len; i++) {
        char c = id.ptr[i];
        if (!is_lower_alnum(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}
