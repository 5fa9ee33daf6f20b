#include "decision/pack.h"

#include "base/check.h"
#include "decision/model.h"

/* Behind the struct: where the next array and the next text go. */
struct packer {
    struct slice *item;
    char *byte;
};

static struct slice *slice_at(void *entry, size_t offset)
{
    return (struct slice *)((char *)entry + offset);
}

static struct slice_list *list_at(void *entry, size_t offset)
{
    return (struct slice_list *)((char *)entry + offset);
}

static size_t bytes_of(const struct slice *slices, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += slices[i].len + 1;
    return bytes;
}

static void pack_slice(struct packer *packer, struct slice *slice)
{
    char *to = packer->byte;
    if (slice->len > 0)
        memcpy(to, slice->ptr, slice->len);
    to[slice->len] = '\0';
    packer->byte += slice->len + 1;
    slice->ptr = to;
}

static void pack_list(struct packer *packer, struct slice_list *list)
{
    struct slice *to = packer->item;
    for (unsigned i = 0; i < list->count; i++) {
        to[i] = list->item[i];
        pack_slice(packer, &to[i]);
    }
    packer->item += list->count;
    list->item = to;
}

/* NULL where there is none. */
static const struct pack_run **run_at(void *entry, const struct pack_layout *layout)
{
    return layout->run > 0 ? (const struct pack_run **)(void *)((char *)entry + layout->run) : NULL;
}

static size_t run_size(const void *entry, const struct pack_layout *layout)
{
    const struct pack_run **run = run_at((void *)entry, layout);
    return run && *run ? (*run)->size : 0;
}

static void pack_run(struct packer *packer, void *entry, const struct pack_layout *layout)
{
    size_t size = run_size(entry, layout);
    const struct pack_run **run = run_at(entry, layout);
    CHECK(size % _Alignof(struct slice) == 0);
    if (size == 0)
        return;
    memcpy(packer->byte, *run, size);
    *run = (const struct pack_run *)(const void *)packer->byte;
    packer->byte += size;
}

/* How many items the lists have, and how many bytes all texts. */
static void measure(const void *entry, const struct pack_layout *layout, size_t *ret_items,
                    size_t *ret_bytes)
{
    size_t items = 0, bytes = 0;
    for (size_t i = 0; i < layout->slice_count; i++)
        bytes += bytes_of(slice_at((void *)entry, layout->slices[i]), 1);
    for (size_t i = 0; i < layout->list_count; i++) {
        const struct slice_list *list = list_at((void *)entry, layout->lists[i]);
        items += list->count;
        bytes += bytes_of(list->item, list->count);
    }
    *ret_items = items;
    *ret_bytes = bytes;
}

void *pack(const void *entry, const struct pack_layout *layout)
{
    size_t items, bytes;
    CHECK(layout->size % _Alignof(struct slice) == 0);
    measure(entry, layout, &items, &bytes);
    char *block =
        check_malloc(layout->size + items * sizeof(struct slice) + run_size(entry, layout) + bytes);
    memcpy(block, entry, layout->size);
    struct packer packer = {.item = (struct slice *)(void *)(block + layout->size)};
    packer.byte = (char *)(packer.item + items);
    pack_run(&packer, block, layout);
    for (size_t i = 0; i < layout->slice_count; i++)
        pack_slice(&packer, slice_at(block, layout->slices[i]));
    for (size_t i = 0; i < layout->list_count; i++)
        pack_list(&packer, list_at(block, layout->lists[i]));
    return block;
}
