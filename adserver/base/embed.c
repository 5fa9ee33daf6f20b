#include "base/embed.h"

#include <stdlib.h>

static int compare_path(const void *key, const void *row)
{
    const struct slice *path = key;
    const struct embed_file *file = row;
    return slice_compare(*path, slice_cstr(file->path));
}

const struct embed_file *embed_find(struct slice path)
{
    return bsearch(&path, embed_files, embed_file_count, sizeof(embed_files[0]), compare_path);
}
