#include "stage.h"

#include <stdio.h>

#include "unit.h"

void stage_slot(struct stage *stage, const char *id, const char *const *fields)
{
    shelf_slot(&stage->shelf, make_slot(id, fields));
}

void stage_bare_campaign(struct stage *stage, const char *id, const char *const *fields)
{
    shelf_campaign(&stage->shelf, make_campaign(id, fields));
}

void stage_campaign(struct stage *stage, const char *id, const char *const *fields)
{
    stage_bare_campaign(stage, id, fields);
    stage_image(stage, id, id, "100x100", FIELDS());
}

void stage_image(struct stage *stage, const char *id, const char *campaign, const char *size,
                 const char *const *fields)
{
    shelf_creative(&stage->shelf, make_image(id, campaign, size, fields));
}

void stage_open(struct stage *stage, const char *slots)
{
    struct slice rest = slice_cstr(slots), name;
    stage->catalog = shelf_build(&stage->shelf);
    stage->request.has_viewer = true;
    stage->request.slot_count = 0;
    while (slice_next(&rest, ' ', &name)) {
        stage->request.slots[stage->request.slot_count++] =
            (struct page_slot){name, catalog_find_slot(stage->catalog, name), 0};
    }
    random_seed(&stage->random, 7);
}

void stage_close(struct stage *stage)
{
    catalog_free(stage->catalog);
}

static void on_reject(const struct campaign *campaign, enum reason reason, unsigned times,
                      void *arg)
{
    struct stage *stage = arg;
    size_t len = strlen(stage->said);
    (void)times;
    (void)snprintf(stage->said + len, sizeof stage->said - len, "%s%.*s=%s", len > 0 ? " " : "",
                   SLICE_ARGS(campaign->id), reason_rows[reason].word);
}

/* What is not set must not be used: it is filled with rubbish first. */
void stage_run(struct stage *stage)
{
    memset(&stage->selection, 0xaa, sizeof stage->selection);
    stage->said[0] = '\0';
    selection_run(&stage->request, &stage->random, stage->deaf ? NULL : on_reject, stage,
                  &stage->selection);
}

void stage_settle(struct stage *stage, const uint32_t *refused)
{
    memset(stage->chosen, 0xaa, sizeof stage->chosen);
    stage->said[0] = '\0';
    selection_settle(&stage->selection, refused, stage->deaf ? NULL : on_reject, stage,
                     stage->chosen);
}

const char *stage_list(const struct stage *stage, unsigned slot)
{
    static char text[4096];
    size_t len = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < stage->selection.slots[slot].count; i++) {
        const struct candidate *candidate = &stage->selection.slots[slot].candidates[i];
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s/%.*s%s", i > 0 ? " " : "",
                                SLICE_ARGS(candidate->campaign->id),
                                SLICE_ARGS(candidate->creative->id), candidate->capped ? "!" : "");
    }
    return text;
}

const char *stage_chosen(const struct stage *stage, unsigned slot)
{
    static char text[ID_MAX + 1];
    int position = stage->chosen[slot];
    if (position < 0)
        return "-";
    const struct candidate *candidate = &stage->selection.slots[slot].candidates[position];
    (void)snprintf(text, sizeof text, "%.*s", SLICE_ARGS(candidate->creative->id));
    return text;
}
