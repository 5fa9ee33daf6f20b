#include "decision/model.h"

#include <stdlib.h>

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

static bool drop(unsigned *references)
{
    CHECK(*references > 0);
    return --*references == 0;
}

void slot_release(struct slot *slot)
{
    if (slot && drop(&slot->references))
        free(slot);
}

void campaign_release(struct campaign *campaign)
{
    if (campaign && drop(&campaign->references))
        free(campaign);
}

void creative_release(struct creative *creative)
{
    if (creative && drop(&creative->references))
        free(creative);
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
