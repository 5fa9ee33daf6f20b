#include "serve/request_sample.h"

#include "store/request_log.h"

static bool names_a_slot(const struct page_request *request)
{
    for (unsigned i = 0; i < request->slot_count; i++) {
        if (request->slots[i].index)
            return true;
    }
    return false;
}

static void add(struct service *service, const struct page_request *request, uint64_t viewer)
{
    struct logged_request logged = {
        .at_ms = request->now_us / US_PER_MS,
        .has_viewer = request->has_viewer,
        .viewer = viewer,
        .facts = request->facts,
    };
    for (unsigned i = 0; i < request->slot_count; i++) {
        const struct page_slot *slot = &request->slots[i];
        if (slot->index)
            logged.slots[logged.slot_count++] = (struct logged_slot){slot->name, slot->width};
    }
    request_log_add(service->request_log, &logged);
}

void request_sample_take(struct service *service, const struct page_request *request,
                         const struct viewer_key *viewer)
{
    uint64_t lot;
    if (!request_log_is_on(service->request_log) || !names_a_slot(request))
        return;
    request_log_count(service->request_log, request->now_us / US_PER_MS, &request->facts,
                      request->has_viewer);
    lot = request->has_viewer ? viewer->pseudonym : random_u64(&service->random);
    if (request_log_wants(service->request_log, lot))
        add(service, request, request->has_viewer ? lot : 0);
}
