/*
 * Any bytes as the name of a request's kind: refused, or the same when printed and read again.
 */
#include "base/check.h"
#include "decision/request_kind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of((const char *)data, size);
    char printed[REQUEST_KIND_TEXT_MAX];
    uint32_t kind;
    if (!request_kind_read(text, &kind))
        return 0;
    CHECK(kind != 0);
    CHECK(slice_eq(request_kind_print(kind, printed), text));
    return 0;
}
