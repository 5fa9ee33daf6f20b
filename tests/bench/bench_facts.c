/*
 * bench_facts: what it costs to find the facts of one ad request.
 *
 *     make
 *     gcc -O2 -std=gnu17 -D_GNU_SOURCE -Iadserver tests/bench/bench_facts.c build/lib/libserve.a \
 *         build/lib/libstore.a build/lib/libhttp.a build/lib/libnet.a build/lib/libdecision.a \
 *         build/lib/libbase.a -lmaxminddb -ljansson -linih -lhiredis -levent_core -lcrypto -lm \
 *         -o build/bench_facts
 *     build/bench_facts [FILE.mmdb]
 *
 * Times are processor time of this process. Addresses are spread over all of IPv4.
 */
#include <stdio.h>
#include <time.h>

#include "base/check.h"
#include "base/random.h"
#include "serve/facts.h"

#define ROUNDS   5 /* the best one counts: the machine has other things to do */
#define REQUESTS 200000

static double now_ns(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct http_header headers[] = {
    {SLICE_INIT("host"), SLICE_INIT("ads.example")},
    {SLICE_INIT("connection"), SLICE_INIT("keep-alive")},
    {SLICE_INIT("accept"), SLICE_INIT("*/*")},
    {SLICE_INIT("accept-encoding"), SLICE_INIT("gzip, deflate, br, zstd")},
    {SLICE_INIT("accept-language"), SLICE_INIT("de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7")},
    {SLICE_INIT("origin"), SLICE_INIT("https://blog.example")},
    {SLICE_INIT("referer"), SLICE_INIT("https://blog.example/")},
    {SLICE_INIT("sec-fetch-dest"), SLICE_INIT("empty")},
    {SLICE_INIT("sec-fetch-mode"), SLICE_INIT("cors")},
    {SLICE_INIT("sec-fetch-site"), SLICE_INIT("cross-site")},
    {SLICE_INIT("user-agent"),
     SLICE_INIT("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/124.0.0.0 Safari/537.36")},
    {SLICE_INIT("sec-ch-ua"),
     SLICE_INIT("\"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\"")},
    {SLICE_INIT("sec-ch-ua-mobile"), SLICE_INIT("?0")},
    {SLICE_INIT("sec-ch-ua-platform"), SLICE_INIT("\"Windows\"")},
};
#define ALL     (sizeof(headers) / sizeof(*headers))
#define NO_HINT (ALL - 3)

static struct net_ip any_address(struct random *random)
{
    struct net_ip ip = {{[10] = 0xff, [11] = 0xff}};
    uint64_t number = random_u64(random);
    memcpy(ip.bytes + 12, &number, 4);
    return ip;
}

static double measure(struct geo *geo, size_t header_count)
{
    static struct page_query query;
    static struct page_facts facts;
    struct http_request request = {.headers = headers, .header_count = header_count};
    struct facts_source source = {.request = &request, .query = &query, .geo = geo};
    struct geo_place place;
    struct random random;
    double best = 1e18;

    random_seed(&random, 1);
    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = now_ns();
        for (unsigned i = 0; i < REQUESTS; i++) {
            source.client = any_address(&random);
            facts_fill(&source, &place, &facts);
        }
        double each = (now_ns() - begin) / REQUESTS;
        best = each < best ? each : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    struct geo *geo = argc > 1 ? geo_open(argv[1], &err) : NULL;

    if (argc > 1 && !geo) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("facts by client hints          %6.0f ns\n", measure(NULL, ALL));
    printf("facts by user agent            %6.0f ns\n", measure(NULL, NO_HINT));
    if (geo)
        printf("by client hints, with a place  %6.0f ns\n", measure(geo, ALL));
    geo_close(geo);
    return 0;
}
