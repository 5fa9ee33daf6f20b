#include "unit.h"

#include <stdio.h>

void assert_slice_at(struct slice slice, const char *text, const char *file, int line)
{
    if (slice_eq(slice, slice_cstr(text)))
        return;
    print_error("\"%.*s\" != \"%s\"\n", SLICE_ARGS(slice), text);
    _fail(file, line);
}
