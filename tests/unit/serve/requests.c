#include "unit/serve/requests.h"

#include "base/check.h"
#include "net/address.h"

void test_request_init(struct test_request *test, enum http_method method)
{
    *test = (struct test_request){.request = {.method = method, .path = SLICE("/v1/ads")}};
    test->request.headers = test->headers;
    test->request.arena = arena_new(HTTP_BODY_MAX * 2);
    test_request_peer(test, "192.0.2.1");
}

void test_request_release(struct test_request *test)
{
    arena_free(test->request.arena);
}

void test_request_add(struct test_request *test, const char *name, const char *value)
{
    CHECK(test->request.header_count < TEST_HEADERS_MAX);
    test->headers[test->request.header_count++] =
        (struct http_header){slice_cstr(name), slice_cstr(value)};
}

void test_request_peer(struct test_request *test, const char *address)
{
    test->request.peer = (struct net_ip){0};
    if (address[0] != '\0')
        CHECK(net_ip_parse(slice_cstr(address), &test->request.peer));
}
