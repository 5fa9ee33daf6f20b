#include "decision/list.h"

#include <stdlib.h>

bool list_split(struct slice text, unsigned max, struct slice items[LIST_MAX], unsigned *ret_count,
                struct err *err)
{
    unsigned count = 0;
    struct slice item;
    while (slice_next(&text, ',', &item)) {
        item = slice_trim(item);
        if (item.len == 0)
            return err_set(err, "item %u of the list is empty", count + 1);
        if (count == max)
            return err_set(err, "the list has more than %u items", max);
        items[count++] = item;
    }
    *ret_count = count;
    return true;
}

static bool item_is_fine(struct slice item, const struct list_form *form)
{
    bool exclude = form->excludes && item.ptr[0] == '!';
    return form->is_valid(slice_from(item, exclude ? 1 : 0));
}

static int compare_items(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;
    return slice_compare(*left, *right);
}

static bool check_items(struct slice *items, unsigned count, const struct list_form *form,
                        struct err *err)
{
    for (unsigned i = 0; i < count; i++) {
        if (!item_is_fine(items[i], form))
            return err_set(err, "\"%s\" is not %s", err_quote(items[i]), form->noun);
    }
    qsort(items, count, sizeof *items, compare_items);
    for (unsigned i = 1; i < count; i++) {
        if (slice_eq(items[i - 1], items[i]))
            return err_set(err, "\"%s\" stands in the list twice", err_quote(items[i]));
    }
    return true;
}

static struct slice_list copy_items(const struct slice *items, unsigned count, struct arena *arena)
{
    struct slice_list list = {arena_new_array(arena, struct slice, count), count};
    for (unsigned i = 0; i < count; i++)
        list.item[i] = arena_copy(arena, items[i]);
    return list;
}

bool list_parse(struct slice text, const struct list_form *form, struct arena *arena,
                struct slice_list *ret, struct err *err)
{
    struct slice items[LIST_MAX];
    unsigned count = 0;
    if (!list_split(text, LIST_MAX, items, &count, err) || !check_items(items, count, form, err))
        return false;
    if (arena)
        *ret = copy_items(items, count, arena);
    return true;
}
