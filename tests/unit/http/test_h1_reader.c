/*
 * Requests as bytes: what is read from them, and that it is the same however they were cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/http/reading.h"

#define G "GET / HTTP/1.1\r\n"
#define H "Host: x\r\n"
#define P "POST / HTTP/1.1\r\nHost: x\r\n"
#define C P "Transfer-Encoding: chunked\r\n\r\n"

struct row {
    struct slice bytes;
    const char *expected;
};

#define ROW(bytes, expected)        \
    {                               \
        SLICE_INIT(bytes), expected \
    }

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        reading_assert(rows[i].bytes, rows[i].expected);
}

#define ASSERT_ROWS(rows) assert_rows((rows), sizeof(rows) / sizeof *(rows))

static void assert_all_refused(const struct slice *rows, size_t count, const char *expected)
{
    for (size_t i = 0; i < count; i++)
        reading_assert(rows[i], expected);
}

#define ASSERT_ALL(rows, expected) \
    assert_all_refused((rows), sizeof(rows) / sizeof *(rows), (expected))

static void test_requests_that_are_in_order(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW(G H "\r\n", "GET / host=x\n"),
        ROW("\r\n" G H "\r\n", "GET / host=x\n"),
        ROW("HEAD /a/b?c=d&e HTTP/1.1\r\nHOST:x\r\n\r\n", "HEAD /a/b?c=d&e host=x\n"),
        ROW("GET /a?b?c#d HTTP/1.1\r\n" H "\r\n", "GET /a?b?c host=x\n"),
        ROW("GET /a#b?c HTTP/1.1\r\n" H "\r\n", "GET /a host=x\n"),
        ROW("GET //a HTTP/1.1\r\n" H "\r\n", "GET //a host=x\n"),
        ROW("GET /\"|{}\\^`<> HTTP/1.1\r\n" H "\r\n", "GET /\"|{}\\^`<> host=x\n"),
        ROW("PUT / HTTP/1.0\r\n\r\n", "PUT /;close\n"),
        ROW("DELETE / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "DELETE /\n"),
        ROW("PATCH / HTTP/1.1\r\n" H "Connection: a, CLOSE\r\n\r\n", "PATCH / host=x;close\n"),
        ROW(G H "Connection: close, keep-alive\r\n\r\n", "GET / host=x;close\n"),
        ROW(G H "Connection: keep-alive\r\nConnection: close\r\n\r\n", "GET / host=x;close\n"),
        ROW("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * host=x\n"),
        ROW("REPORT / HTTP/1.1\r\n" H "\r\n", "OTHER / host=x\n"),
        ROW("M-SEARCH / HTTP/1.1\r\n" H "\r\n", "OTHER / host=x\n"),
        ROW("SOURCE / HTTP/1.1\r\n" H "\r\n", "OTHER / host=x\n"),
        ROW("BREW / HTTP/1.1\r\n" H "\r\n", "OTHER / host=x\n"),
        ROW("DESCRIBE / HTTP/1.1\r\n" H "\r\n", "OTHER / host=x\n"),
        ROW(G H "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n\r\n" G H "\r\n",
            "GET / host=x\nGET / host=x\n"),
        ROW(G H "X: caf\xc3\xa9 \xff\r\n\r\n", "GET / host=x\n"),
        ROW(G H "X:\r\nY: \t \r\nZ!#$%&'*+-.^_`|~9: z\r\n\r\n", "GET / host=x\n"),
        ROW("", ""),
        ROW("\r\n", "more\n"),
        ROW(G H, "more\n"),
    };
    ASSERT_ROWS(rows);
}

static void test_bodies(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW(P "Content-Length: 5\r\n\r\nhello", "POST / host=x body=hello\n"),
        ROW(P "Content-Length: 005\r\n\r\nhello", "POST / host=x body=hello\n"),
        ROW(P "Content-Length: 5\r\n\r\nhell", "more\n"),
        ROW(P "Content-Length: 0\r\n\r\n" G H "\r\n", "POST / host=x\nGET / host=x\n"),
        ROW(P "\r\n" G H "\r\n", "POST / host=x\nGET / host=x\n"),
        ROW(G H "Content-Length: 3\r\n\r\nabc", "GET / host=x body=abc\n"),
        ROW("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na", "POST / body=a;close\n"),
        ROW(P "Expect: 100-Continue\r\nContent-Length: 2\r\n\r\nab", "POST / host=x body=ab\n"),
        ROW("POST / HTTP/1.0\r\nExpect: miracles\r\nContent-Length: 2\r\n\r\nab",
            "POST / body=ab;close\n"),
        ROW(C "5\r\nhello\r\n0\r\n\r\n", "POST / host=x body=hello\n"),
        ROW(C "000A\r\n0123456789\r\n0\r\n\r\n" G H "\r\n",
            "POST / host=x body=0123456789\nGET / host=x\n"),
        ROW(C "2;a=b;c=\"d e\"\r\nhe\r\n3;\r\nllo\r\n000\r\n\r\n", "POST / host=x body=hello\n"),
        ROW(C "0\r\n\r\n", "POST / host=x\n"),
        ROW(P "tRANSFER-eNCODING: ChunkeD \r\n\r\n1\r\na\r\n0\r\n\r\n", "POST / host=x body=a\n"),
        ROW(C "1\r\na\r\n0\r\nHost: y\r\nContent-Length: 5\r\n\r\n" G H "\r\n",
            "POST / host=x body=a\nGET / host=x\n"),
        ROW(C "1\r\na\r\n0\r\n", "more\n"),
    };
    ASSERT_ROWS(rows);
}

/* FAULTS H10. */
static void test_nothing_is_read_after_a_refusal(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW(G H "\r\n" G "\r\n" G H "\r\n", "GET / host=x\nrefused 400 bad_host\n"),
        ROW(G H "\r\nAAA\r\n" G H "\r\n", "GET / host=x\nrefused 400 bad_request_line\n"),
        ROW(P "Content-Length: 3\r\n\r\nabcd" G H "\r\n",
            "POST / host=x body=abc\nrefused 400 bad_request_line\n"),
    };
    ASSERT_ROWS(rows);
}

static void test_a_pipeline(void **state)
{
    (void)state;
    struct strbuf bytes, expected;
    strbuf_init(&bytes, 100000);
    strbuf_init(&expected, 100000);
    for (unsigned i = 0; i < 100; i++) {
        strbuf_addf(&bytes, "GET /%u HTTP/1.1\r\nHost: x\r\n\r\n", i);
        strbuf_addf(&expected, "GET /%u host=x\n", i);
    }
    reading_assert(strbuf_slice(&bytes), strbuf_cstr(&expected));
    strbuf_release(&bytes);
    strbuf_release(&expected);
}

/* FAULTS H3 and H4. */
static void test_lengths_that_two_readers_could_take_differently(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT(P "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: 5, 5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: +5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: -5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: 0x5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: 5 5\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length: 5.0\r\n\r\nhello"),
        SLICE_INIT(P "Content-Length:\r\n\r\n"),
        SLICE_INIT(P "Content-Length: 18446744073709551617\r\n\r\nh"),
        SLICE_INIT(P "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: identity\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT(P "Transfer-Encoding:\r\n\r\n0\r\n\r\n"),
        SLICE_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        SLICE_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\nContent-Length: 0\r\n\r\n"),
    };
    ASSERT_ALL(rows, "refused 400 bad_framing\n");
}

/* FAULTS H5. */
static void test_chunks(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT(C "0x5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "+5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "-5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C " 5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5 \r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5\t\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5 ;a\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5g\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5_0\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "0000000000000005\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C ";a=b\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5;a\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5;\x01\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5\r\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT(C "5\r\nhello\n0\r\n\r\n"),
        SLICE_INIT(C "5\r\nhello0\r\n\r\n"),
        SLICE_INIT(C "5\r\nhello!\r\n0\r\n\r\n"),
        SLICE_INIT(C "5\r\nhello\rX0\r\n\r\n"),
        SLICE_INIT(C "5\r\nhello\r\n\r\n"),
        SLICE_INIT(C "0\n\r\n"),
    };
    ASSERT_ALL(rows, "refused 400 bad_chunk\n");
}

static void test_trailers_are_header_lines(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT(C "0\r\n\n"),
        SLICE_INIT(C "0\r\nA: b\n\r\n"),
        SLICE_INIT(C "0\r\nA\r\n\r\n"),
        SLICE_INIT(C "0\r\nA : b\r\n\r\n"),
        SLICE_INIT(C "0\r\n A: b\r\n\r\n"),
        SLICE_INIT(C "0\r\nA: b\r\n c\r\n\r\n"),
        SLICE_INIT(C "0\r\nA: \x01\r\n\r\n"),
        SLICE_INIT(C "0\r\n\rX"),
    };
    ASSERT_ALL(rows, "refused 400 bad_header\n");
}

/* FAULTS H6 and H7. */
static void test_header_lines(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT(G H "A: b\0c\r\n\r\n"),
        SLICE_INIT(G H "A: b\rc\r\n\r\n"),
        SLICE_INIT(G H "A: b\r\r\n\r\n"),
        SLICE_INIT(G H "A: b\nC: d\r\n\r\n"),
        SLICE_INIT(G H "A: b\n\r\n"),
        SLICE_INIT(G H "A: b\r\n\n"),
        SLICE_INIT(G H "\n"),
        SLICE_INIT(G H "\r\r\n"),
        SLICE_INIT(G H "\rX"),
        SLICE_INIT(G H "A: \x01\r\n\r\n"),
        SLICE_INIT(G H "A: \x0b\r\n\r\n"),
        SLICE_INIT(G H "A: \x7f\r\n\r\n"),
        SLICE_INIT(G H "A\x01: b\r\n\r\n"),
        SLICE_INIT(G H "A\0: b\r\n\r\n"),
        SLICE_INIT(G H "A\x80: b\r\n\r\n"),
        SLICE_INIT(G H "\xc3\xa4: b\r\n\r\n"),
        SLICE_INIT(G H "A : b\r\n\r\n"),
        SLICE_INIT(G H "A\t: b\r\n\r\n"),
        SLICE_INIT(G H "A B: b\r\n\r\n"),
        SLICE_INIT(G H "A(): b\r\n\r\n"),
        SLICE_INIT(G H "A@b: c\r\n\r\n"),
        SLICE_INIT(G H ": b\r\n\r\n"),
        SLICE_INIT(G H "A\r\n\r\n"),
        SLICE_INIT(G H "A: b\r\n c\r\n\r\n"),
        SLICE_INIT(G H "A: b\r\n\tc\r\n\r\n"),
        SLICE_INIT(G H "A:\r\n b\r\n\r\n"),
        SLICE_INIT(G " " H "\r\n"),
        SLICE_INIT(G "\t" H "\r\n"),
    };
    ASSERT_ALL(rows, "refused 400 bad_header\n");
}

static void test_request_lines(void **state)
{
    (void)state;
    static const struct slice rows[] = {
        SLICE_INIT("GET / HTTP/1.1\nHost: x\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\rHost: x\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1\r\r\nHost: x\r\n\r\n"),
        SLICE_INIT("GET /\r\n\r\n"),
        SLICE_INIT("GET\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.1 \r\n" H "\r\n"),
        SLICE_INIT("GET /  HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET\t/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /\tHTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /a b HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /\0 HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /\x01 HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /\x7f HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET / FTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET / http/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET / ICE/1.0\r\n" H "\r\n"),
        SLICE_INIT(" GET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("\nGET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("\rGET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("get / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GeT / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET: / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("-GET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("G\0T / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("\xef\xbb\xbfGET / HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("{}"),
    };
    ASSERT_ALL(rows, "refused 400 bad_request_line\n");
}

static void test_targets(void **state)
{
    (void)state;
    static const struct slice refused[] = {
        SLICE_INIT("GET a/b HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET HTTP/1.1\r\n\r\n" H "\r\n"),
        SLICE_INIT("GET x:80 HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET ftp://x/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http:///a HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http://?a HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http://a@x/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http://x:80:80/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http://x:99999/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET * HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("OPTIONS *a HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("PRI * HTTP/1.1\r\n" H "\r\n"),
    };
    static const struct row accepted[] = {
        ROW("GET http://x/a?b HTTP/1.1\r\n" H "\r\n", "GET /a?b host=x\n"),
        ROW("GET HTTPS://x/a HTTP/1.1\r\n" H "\r\n", "GET /a host=x\n"),
        ROW("GET http://X:80/ HTTP/1.1\r\nHost: x:80\r\n\r\n", "GET / host=X:80\n"),
        ROW("GET http://[::1]:8080/a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
            "GET /a host=[::1]:8080\n"),
        ROW("GET http://x HTTP/1.1\r\n" H "\r\n", "GET / host=x\n"),
        ROW("GET http://x?a HTTP/1.1\r\n" H "\r\n", "GET /?a host=x\n"),
        ROW("GET http://y?a HTTP/1.1\r\n" H "\r\n", "GET /?a host=y\n"),
        ROW("GET http://x/ HTTP/1.0\r\n\r\n", "GET / host=x;close\n"),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        reading_assert(refused[i], "refused 400 bad_target\n");
    ASSERT_ROWS(accepted);
}

/* FAULTS H8. */
static void test_hosts(void **state)
{
    (void)state;
    static const struct slice refused[] = {
        SLICE_INIT(G "\r\n"),
        SLICE_INIT(G "Host:\r\n\r\n"),
        SLICE_INIT(G H H "\r\n"),
        SLICE_INIT(G "Host: x\r\nHost: y\r\n\r\n"),
        SLICE_INIT(G "Host: x, y\r\n\r\n"),
        SLICE_INIT(G "Host: x,y\r\n\r\n"),
        SLICE_INIT(G "Host: a@x\r\n\r\n"),
        SLICE_INIT(G "Host: a:b@x\r\n\r\n"),
        SLICE_INIT(G "Host: x/path\r\n\r\n"),
        SLICE_INIT(G "Host: http://x\r\n\r\n"),
        SLICE_INIT(G "Host: x?a\r\n\r\n"),
        SLICE_INIT(G "Host: x#a\r\n\r\n"),
        SLICE_INIT(G "Host: x y\r\n\r\n"),
        SLICE_INIT(G "Host: x\\y\r\n\r\n"),
        SLICE_INIT(G "Host: x:\x79\r\n\r\n"),
        SLICE_INIT(G "Host: x:65536\r\n\r\n"),
        SLICE_INIT(G "Host: x:-1\r\n\r\n"),
        SLICE_INIT(G "Host: :80\r\n\r\n"),
        SLICE_INIT(G "Host: ::1\r\n\r\n"),
        SLICE_INIT(G "Host: []\r\n\r\n"),
        SLICE_INIT(G "Host: [::1\r\n\r\n"),
        SLICE_INIT(G "Host: [::1]x\r\n\r\n"),
        SLICE_INIT(G "Host: [::g]\r\n\r\n"),
        SLICE_INIT(G "Host: \xc3\xa4\r\n\r\n"),
        SLICE_INIT(G "Host: x%00\r\n\r\n"),
        SLICE_INIT("GET / HTTP/1.0\r\nHost: a@x\r\n\r\n"),
        SLICE_INIT("GET http://y/ HTTP/1.1\r\n" H "\r\n"),
        SLICE_INIT("GET http://x:81/a HTTP/1.1\r\nHost: x:80\r\n\r\n"),
        SLICE_INIT("GET http://x/ HTTP/1.1\r\n\r\n"),
    };
    static const struct row accepted[] = {
        ROW(G "Host: X.example:8080\r\n\r\n", "GET / host=X.example:8080\n"),
        ROW(G "Host: x:\r\n\r\n", "GET / host=x:\n"),
        ROW(G "Host: 0.0.0.0=5000\r\n\r\n", "GET / host=0.0.0.0=5000\n"),
        ROW(G "Host: a_b-c.d\r\n\r\n", "GET / host=a_b-c.d\n"),
        ROW(G "Host: [2001:db8::1]\r\n\r\n", "GET / host=[2001:db8::1]\n"),
        ROW("GET / HTTP/1.0\r\n\r\n", "GET /;close\n"),
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        reading_assert(refused[i], "refused 400 bad_host\n");
    reading_assert(SLICE(G "Host: x\0\r\n\r\n"), "refused 400 bad_header\n");
    ASSERT_ROWS(accepted);
}

/* FAULTS H11 and H15. */
static void test_other_methods_versions_and_protocols(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("CONNECT x:80 HTTP/1.1\r\n" H "\r\n", "refused 501 method_not_implemented\n"),
        ROW("CONNECT / HTTP/1.1\r\n" H "\r\n", "refused 501 method_not_implemented\n"),
        ROW("TRACE / HTTP/1.1\r\n" H "\r\n", "refused 501 method_not_implemented\n"),
        ROW(P "Expect: 200-ok\r\nContent-Length: 1\r\n\r\na", "refused 417 expectation_failed\n"),
        ROW(P "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na",
            "refused 417 expectation_failed\n"),
        ROW(P "Expect:\r\n\r\n", "refused 417 expectation_failed\n"),
        ROW("GET / HTTP/2.0\r\n\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / HTTP/1.2\r\n" H "\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / HTTP/0.9\r\n\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / HTTP/01.1\r\n\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / HTTP/1.10\r\n\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / RTSP/1.0\r\n" H "\r\n", "refused 505 version_not_supported\n"),
        ROW("GET / HTTP/5", "more\n"),
        ROW("GET / HTTP/5.6", "refused 505 version_not_supported\n"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 505 version_not_supported\n"),
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "refused 400 bad_request_line\n"),
        ROW("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" G H "\r\n", "refused 400 bad_target\n"),
        ROW("\r\n\r\n\0\r\nQUIT\n!\x11", "refused 400 bad_request_line\n"),
    };
    ASSERT_ROWS(rows);
}

/* A request with a part of `len` bytes. */
static void add_many(struct strbuf *to, char c, size_t len)
{
    for (size_t i = 0; i < len; i++)
        strbuf_add_char(to, c);
}

static void assert_long(const char *before, size_t len, const char *after, const char *expected)
{
    struct strbuf bytes, told;
    strbuf_init(&bytes, 1 << 20);
    strbuf_init(&told, 1 << 20);
    strbuf_add_cstr(&bytes, before);
    add_many(&bytes, 'a', len);
    strbuf_add_cstr(&bytes, after);
    for (size_t piece = 1; piece <= bytes.len; piece = piece * 10 + 7) {
        strbuf_clear(&told);
        reading_tell(strbuf_slice(&bytes), piece, &told);
        if (*expected)
            assert_string_equal(strbuf_cstr(&told), expected);
        else
            assert_null(strstr(strbuf_cstr(&told), "refused"));
    }
    strbuf_release(&bytes);
    strbuf_release(&told);
}

/* FAULTS H12: each limit, and one byte more. */
static void test_limits(void **state)
{
    (void)state;
    size_t line = HTTP_REQUEST_LINE_MAX - strlen("GET / HTTP/1.1");
    size_t head = HTTP_HEAD_MAX - strlen(H "A: \r\n");
    const char *too_long = "refused 414 uri_too_long\n";
    const char *too_large = "refused 431 headers_too_large\n";
    assert_long("GET /", line, " HTTP/1.1\r\n" H "\r\n", "");
    assert_long("GET /", line + 1, " HTTP/1.1\r\n" H "\r\n", too_long);
    assert_long("GET /", 100000, " HTTP/1.1\r\n" H "\r\n", too_long);
    assert_long("GET /", 100000, "", too_long);
    assert_long("GET / HTTP/1.1\r\n" H "A: ", head, "\r\n\r\n", "");
    assert_long("GET / HTTP/1.1\r\n" H "A: ", head + 1, "\r\n\r\n", too_large);
    assert_long("GET / HTTP/1.1\r\n" H "A: ", 100000, "", too_large);
    assert_long("GET / HTTP/1.1\r\n" H, 100000, "", too_large);
    assert_long("", 0, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" H "\r\n",
                "OTHER / host=x\n");
    assert_long("", 0, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" H "\r\n",
                "refused 501 method_not_implemented\n");
    assert_long(P "Content-Length: 65536\r\n\r\n", HTTP_BODY_MAX, "", "");
    assert_long(P "Content-Length: 65537\r\n\r\n", 0, "", "refused 413 body_too_large\n");
    assert_long(P "Content-Length: 9223372036854775807\r\n\r\n", 0, "",
                "refused 413 body_too_large\n");
    assert_long(C "10000\r\n", HTTP_BODY_MAX, "\r\n0\r\n\r\n", "");
    assert_long(C "10001\r\n", 0, "", "refused 413 body_too_large\n");
    assert_long(C "ffff\r\n", 65535, "\r\n2\r\n", "refused 413 body_too_large\n");
    assert_long(C "1;", 65000, "\r\na\r\n0\r\n\r\n", "");
    assert_long(C "1;", 66000, "\r\na\r\n0\r\n\r\n", "refused 400 bad_chunk\n");
    assert_long(C "0\r\nA:", HTTP_HEAD_MAX, "\r\n\r\n", too_large);
}

static void test_the_number_of_headers(void **state)
{
    (void)state;
    struct strbuf bytes;
    strbuf_init(&bytes, 1 << 20);
    strbuf_add_cstr(&bytes, G H);
    for (int i = 1; i < HTTP_HEADERS_MAX; i++)
        strbuf_addf(&bytes, "A%d: b\r\n", i);
    size_t len = bytes.len;
    strbuf_add_cstr(&bytes, "\r\n");
    reading_assert(strbuf_slice(&bytes), "GET / host=x\n");
    strbuf_truncate(&bytes, len);
    strbuf_add_cstr(&bytes, "B: c\r\n\r\n");
    reading_assert(strbuf_slice(&bytes), "refused 431 too_many_headers\n");
    strbuf_release(&bytes);
}

static struct h1_reader reader;
static struct http_request request;

static enum h1_reading read_one(struct slice bytes)
{
    h1_reader_init(&reader, &request);
    h1_reader_begin(&reader);
    return h1_reader_feed(&reader, &bytes);
}

static void test_headers_are_found_by_their_lower_case_names(void **state)
{
    (void)state;
    static const struct slice bytes =
        SLICE_INIT(G H "User-AGENT: \t Some one \t\r\nEmpty:\r\nTwice: 1\r\ntwice: 2\r\n\r\n");
    assert_int_equal(read_one(bytes), H1_READING_DONE);
    assert_int_equal(request.header_count, 5);
    struct slice agent = http_request_header(&request, SLICE("user-agent"));
    assert_true(slice_eq(agent, SLICE("Some one")));
    assert_true(slice_eq(http_request_header(&request, SLICE("twice")), SLICE("1")));
    assert_int_equal(http_request_header(&request, SLICE("empty")).len, 0);
    assert_int_equal(http_request_header(&request, SLICE("User-AGENT")).len, 0);
    h1_reader_release(&reader);
}

static void test_a_client_is_told_to_go_on_once_and_only_where_it_waits(void **state)
{
    (void)state;
    static const struct slice waits =
        SLICE_INIT(P "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    static const struct slice does_not =
        SLICE_INIT(P "Expect: 100-continue\r\nContent-Length: 2\r\n\r\na");
    static const struct slice has_none =
        SLICE_INIT(P "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    struct slice rest = SLICE("a");
    assert_int_equal(read_one(waits), H1_READING_CONTINUE);
    assert_int_equal(h1_reader_feed(&reader, &rest), H1_READING_MORE);
    h1_reader_release(&reader);
    assert_int_equal(read_one(does_not), H1_READING_MORE);
    h1_reader_release(&reader);
    assert_int_equal(read_one(has_none), H1_READING_DONE);
    h1_reader_release(&reader);
}

static void test_a_refusal_reads_no_more_than_the_limit(void **state)
{
    (void)state;
    struct strbuf bytes;
    strbuf_init(&bytes, 1 << 20);
    strbuf_add_cstr(&bytes, "GET /");
    add_many(&bytes, 'a', 100000);
    struct slice rest = strbuf_slice(&bytes);
    h1_reader_init(&reader, &request);
    h1_reader_begin(&reader);
    assert_int_equal(h1_reader_feed(&reader, &rest), H1_READING_REFUSED);
    assert_in_range(bytes.len - rest.len, HTTP_REQUEST_LINE_MAX, HTTP_REQUEST_LINE_MAX + 2);
    assert_int_equal(request.method, HTTP_METHOD_GET);
    h1_reader_release(&reader);
    strbuf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_that_are_in_order),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_nothing_is_read_after_a_refusal),
        cmocka_unit_test(test_a_pipeline),
        cmocka_unit_test(test_lengths_that_two_readers_could_take_differently),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_trailers_are_header_lines),
        cmocka_unit_test(test_header_lines),
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_other_methods_versions_and_protocols),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_the_number_of_headers),
        cmocka_unit_test(test_headers_are_found_by_their_lower_case_names),
        cmocka_unit_test(test_a_client_is_told_to_go_on_once_and_only_where_it_waits),
        cmocka_unit_test(test_a_refusal_reads_no_more_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
