#include "decision/hints.h"

/* ---- Structured fields (RFC 8941): each function cuts one thing off the front of `*rest` ------
 */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_alphanumeric(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static void skip_blanks(struct slice *rest)
{
    size_t at = 0;
    while (at < rest->len && (rest->ptr[at] == ' ' || rest->ptr[at] == '\t'))
        at++;
    *rest = slice_from(*rest, at);
}

/* What stands between the quotes, escapes and all. */
static bool cut_string(struct slice *rest, struct slice *ret)
{
    size_t at = 1;
    if (!slice_starts(*rest, SLICE("\"")))
        return false;
    for (; at < rest->len && rest->ptr[at] != '"'; at++) {
        unsigned char c = (unsigned char)rest->ptr[at];
        if (c < ' ' || c >= 0x7f)
            return false;
        if (c == '\\' && (++at == rest->len || (rest->ptr[at] != '"' && rest->ptr[at] != '\\')))
            return false;
    }
    if (at >= rest->len)
        return false;
    *ret = slice_of(rest->ptr + 1, at - 1);
    *rest = slice_from(*rest, at + 1);
    return true;
}

/* A token, number, boolean or byte sequence, told apart by nobody here. */
static bool cut_word(struct slice *rest)
{
    size_t at = 0;
    while (at < rest->len &&
           (is_alphanumeric(rest->ptr[at]) || is_one_of(rest->ptr[at], "!#$%&'*+-.^_`|~:/?=")))
        at++;
    *rest = slice_from(*rest, at);
    return at > 0;
}

static bool cut_key(struct slice *rest)
{
    size_t at = 0;
    if (rest->len == 0 || (!is_lower(rest->ptr[0]) && rest->ptr[0] != '*'))
        return false;
    while (at < rest->len && (is_lower(rest->ptr[at]) || is_one_of(rest->ptr[at], "_-.*") ||
                              (rest->ptr[at] >= '0' && rest->ptr[at] <= '9')))
        at++;
    *rest = slice_from(*rest, at);
    return true;
}

static bool cut_parameters(struct slice *rest)
{
    struct slice ignored;
    while (slice_starts(*rest, SLICE(";"))) {
        *rest = slice_from(*rest, 1);
        skip_blanks(rest);
        if (!cut_key(rest))
            return false;
        if (!slice_starts(*rest, SLICE("=")))
            continue;
        *rest = slice_from(*rest, 1);
        if (!cut_string(rest, &ignored) && !cut_word(rest))
            return false;
    }
    return true;
}

/* One string with its parameters, and the comma behind it where more follows. */
static bool cut_member(struct slice *rest, struct slice *ret)
{
    if (!cut_string(rest, ret) || !cut_parameters(rest))
        return false;
    skip_blanks(rest);
    if (rest->len == 0)
        return true;
    if (rest->ptr[0] != ',')
        return false;
    *rest = slice_from(*rest, 1);
    skip_blanks(rest);
    return rest->len > 0;
}

/* ---- Brands -----------------------------------------------------------------------------------
 */

/* How much a brand tells; of a list's brands the highest decides. */
enum telling { TELLS_NOTHING, TELLS_OTHER, TELLS_CHROME, TELLS_BROWSER };

struct brand {
    struct slice name;
    enum browser browser;
    enum telling telling;
};

/* Beginnings of brands: there are "Opera GX" and "Opera Mini" as well. */
static const struct brand brands_known[] = {
    {SLICE_INIT("Chromium"), BROWSER_UNKNOWN, TELLS_NOTHING},
    {SLICE_INIT("Google Chrome"), BROWSER_CHROME, TELLS_CHROME},
    {SLICE_INIT("HeadlessChrome"), BROWSER_CHROME, TELLS_CHROME},
    {SLICE_INIT("Microsoft Edge WebView"), BROWSER_OTHER, TELLS_OTHER},
    {SLICE_INIT("Microsoft Edge"), BROWSER_EDGE, TELLS_BROWSER},
    {SLICE_INIT("Opera"), BROWSER_OPERA, TELLS_BROWSER},
    {SLICE_INIT("Samsung Internet"), BROWSER_SAMSUNG, TELLS_BROWSER},
    {SLICE_INIT("Firefox"), BROWSER_FIREFOX, TELLS_BROWSER},
    {SLICE_INIT("Safari"), BROWSER_SAFARI, TELLS_BROWSER},
};

/* Made-up brands are these letters with anything but letters strewn in. */
static bool is_made_up(struct slice brand)
{
    static const char letters[] = "notabrand";
    size_t found = 0;
    for (size_t i = 0; i < brand.len; i++) {
        char c = (char)(brand.ptr[i] | 0x20);
        if (!is_lower(c))
            continue;
        if (letters[found] != c)
            return false;
        found++;
    }
    return letters[found] == '\0';
}

static struct brand judge_brand(struct slice name)
{
    for (size_t i = 0; i < sizeof(brands_known) / sizeof(*brands_known); i++)
        if (slice_starts(name, brands_known[i].name))
            return brands_known[i];
    if (is_made_up(name))
        return (struct brand){name, BROWSER_UNKNOWN, TELLS_NOTHING};
    return (struct brand){name, BROWSER_OTHER, TELLS_OTHER};
}

enum browser hints_browser(struct slice brands)
{
    struct brand best = {.browser = BROWSER_UNKNOWN, .telling = TELLS_NOTHING};
    struct slice name;

    if (brands.len > HINT_BYTES_MAX)
        return BROWSER_UNKNOWN;
    while (brands.len > 0) {
        if (!cut_member(&brands, &name))
            return BROWSER_UNKNOWN;
        struct brand brand = judge_brand(name);
        if (brand.telling > best.telling)
            best = brand;
    }
    return best.browser;
}

/* ---- Platform and mobile ----------------------------------------------------------------------
 */

static const struct {
    struct slice name;
    enum system system;
} platforms[] = {
    {SLICE_INIT("Android"), SYSTEM_ANDROID},
    {SLICE_INIT("Chrome OS"), SYSTEM_CHROMEOS},
    {SLICE_INIT("Chromium OS"), SYSTEM_CHROMEOS},
    {SLICE_INIT("iOS"), SYSTEM_IOS},
    {SLICE_INIT("Linux"), SYSTEM_LINUX},
    {SLICE_INIT("macOS"), SYSTEM_MACOS},
    {SLICE_INIT("Windows"), SYSTEM_WINDOWS},
    {SLICE_INIT("Unknown"), SYSTEM_UNKNOWN},
    {SLICE_INIT(""), SYSTEM_UNKNOWN},
};

enum system hints_system(struct slice platform)
{
    struct slice name;
    if (platform.len > HINT_BYTES_MAX || !cut_string(&platform, &name) ||
        !cut_parameters(&platform) || platform.len > 0)
        return SYSTEM_UNKNOWN;
    for (size_t i = 0; i < sizeof(platforms) / sizeof(*platforms); i++)
        if (slice_eq(platforms[i].name, name))
            return platforms[i].system;
    return SYSTEM_OTHER;
}

enum hint_mobile hints_mobile(struct slice mobile)
{
    bool yes = slice_starts(mobile, SLICE("?1"));
    if (mobile.len > HINT_BYTES_MAX || (!yes && !slice_starts(mobile, SLICE("?0"))))
        return HINT_NONE;
    mobile = slice_from(mobile, 2);
    if (!cut_parameters(&mobile) || mobile.len > 0)
        return HINT_NONE;
    return yes ? HINT_MOBILE : HINT_NOT_MOBILE;
}
