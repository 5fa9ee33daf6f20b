/*
 * Any bytes as an address to send readers to: refused with a reason in printable ASCII, or such
 * that nobody reads another host or another header line out of it.
 */
#include "base/check.h"
#include "base/url.h"
#include "decision/landing.h"
#include "decision/model.h"
#include "decision/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(const struct err *err)
{
    CHECK(err->text[0] != '\0');
    for (const char *text = err->text; *text; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

static void check_bytes(struct slice url, size_t max)
{
    CHECK(url.len <= max);
    for (size_t i = 0; i < url.len; i++)
        CHECK(url.ptr[i] > 0x20 && url.ptr[i] < 0x7f && !strchr("\\\"'<>`", url.ptr[i]));
}

/* Read the other way: behind the scheme, up to whatever may end a host. */
static void check_address(struct slice url)
{
    struct slice host;
    size_t colon = slice_find(url, ':');
    struct slice rest = slice_from(url, colon + 1);
    CHECK(slice_eq_nocase(slice_of(url.ptr, colon), SLICE("http")) ||
          slice_eq_nocase(slice_of(url.ptr, colon), SLICE("https")));
    CHECK(slice_starts(rest, SLICE("//")));
    rest = slice_from(rest, 2);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    CHECK(end > 0 && slice_find(slice_of(rest.ptr, end), '@') == end);
    CHECK(url_host(url, &host));
    CHECK(host.len > 0 && host.ptr == rest.ptr && host.len <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice url = slice_of((const char *)data, size);
    struct err err = {"", ""};
    bool landing = landing_is_valid(url, &err);
    if (landing) {
        check_bytes(url, LANDING_MAX);
        check_address(url);
    } else {
        check_refusal(&err);
    }
    bool image = image_url_is_valid(url, &err);
    CHECK(image || !landing);
    if (image) {
        check_bytes(url, URL_MAX);
        CHECK(url.ptr[0] == '/' ? url.len < 2 || url.ptr[1] != '/'
                                : landing || url.len > LANDING_MAX);
    } else {
        check_refusal(&err);
    }
    return 0;
}
