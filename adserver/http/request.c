#include "http/request.h"

struct slice http_request_header(const struct http_request *request, struct slice name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_eq(request->headers[i].name, name))
            return request->headers[i].value;
    }
    return slice_of(NULL, 0);
}
