/*
 * requests: HTTP requests as handlers get them, put together from texts.
 */
#ifndef TESTS_UNIT_SERVE_REQUESTS_H
#define TESTS_UNIT_SERVE_REQUESTS_H

#include "http/request.h"

#define TEST_HEADERS_MAX 16

/* A request and what it points to. */
struct test_request {
    struct http_request request;
    struct http_header headers[TEST_HEADERS_MAX];
};

/* An empty GET from 192.0.2.1. The arena is made; test_request_release() frees it. */
void test_request_init(struct test_request *test, enum http_method method);
void test_request_release(struct test_request *test);

/* `name` in lower case; both must outlive the request. */
void test_request_add(struct test_request *test, const char *name, const char *value);

/* "" is a peer of a unix socket. */
void test_request_peer(struct test_request *test, const char *address);

#endif
