#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "decision/agent.h"

/* clang-format off */
#define KHTML    " (KHTML, like Gecko) "
#define BLINK    "AppleWebKit/537.36" KHTML
#define WEBKIT   "AppleWebKit/605.1.15" KHTML
#define WINDOWS  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) "
#define MAC      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) "
#define X11      "Mozilla/5.0 (X11; Linux x86_64) "
#define CROS     "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) "
#define IPHONE   "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) "
#define IPAD     "Mozilla/5.0 (iPad; CPU OS 17_4_1 like Mac OS X) "
#define PHONE    "Mozilla/5.0 (Linux; Android 10; K) "
#define TABLET   "Mozilla/5.0 (Linux; Android 13; SM-X906C) "

#define UNKNOWN  DEVICE_UNKNOWN
#define DESKTOP  DEVICE_DESKTOP
#define MOBILE   DEVICE_MOBILE
#define TABLETS  DEVICE_TABLET

static const struct {
    const char *text;
    enum device device;
    enum browser browser;
    enum system system;
} agents[] = {
    /* Chrome */
    {WINDOWS BLINK "Chrome/124.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_WINDOWS},
    {MAC BLINK "Chrome/124.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_MACOS},
    {X11 BLINK "Chrome/124.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_LINUX},
    {CROS BLINK "Chrome/124.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_CHROMEOS},
    {"Mozilla/5.0 (X11; CrOS aarch64 15699.85.0) " BLINK "Chrome/121.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_CHROMEOS},
    {PHONE BLINK "Chrome/124.0.0.0 Mobile Safari/537.36", MOBILE, BROWSER_CHROME, SYSTEM_ANDROID},
    {TABLET BLINK "Chrome/124.0.0.0 Safari/537.36", TABLETS, BROWSER_CHROME, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 9; CUBOT_X19) " BLINK "Chrome/90.0.4430.91 Mobile Safari/537.36", MOBILE, BROWSER_CHROME, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 9; Cubot) " BLINK "Chrome/90.0.4430.91 Mobile Safari/537.36", MOBILE, BROWSER_CHROME, SYSTEM_ANDROID},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64) " BLINK "Ubuntu Chromium/65.0.3325.181 Chrome/65.0.3325.181 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_LINUX},
    {X11 BLINK "HeadlessChrome/124.0.6367.29 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_LINUX},
    {"Mozilla/5.0 (X11; FreeBSD amd64) " BLINK "Chrome/122.0.0.0 Safari/537.36", DESKTOP, BROWSER_CHROME, SYSTEM_OTHER},
    {IPHONE WEBKIT "CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1", MOBILE, BROWSER_CHROME, SYSTEM_IOS},
    {IPAD WEBKIT "CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1", TABLETS, BROWSER_CHROME, SYSTEM_IOS},
    {MAC WEBKIT "CriOS/124 Version/11.1.1 Safari/605.1.15", TABLETS, BROWSER_CHROME, SYSTEM_IOS},
    /* Edge */
    {WINDOWS BLINK "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.51", DESKTOP, BROWSER_EDGE, SYSTEM_WINDOWS},
    {WINDOWS BLINK "Chrome/70.0.3538.102 Safari/537.36 Edge/18.19042", DESKTOP, BROWSER_EDGE, SYSTEM_WINDOWS},
    {"Mozilla/5.0 (Linux; Android 10; HD1913) " BLINK "Chrome/124.0.6367.82 Mobile Safari/537.36 EdgA/124.0.2478.50", MOBILE, BROWSER_EDGE, SYSTEM_ANDROID},
    {IPHONE WEBKIT "Version/17.0 EdgiOS/124.2478.50 Mobile/15E148 Safari/605.1.15", MOBILE, BROWSER_EDGE, SYSTEM_IOS},
    {MAC WEBKIT "Version/17.0 EdgiOS/124.2478.50 Safari/605.1.15", TABLETS, BROWSER_EDGE, SYSTEM_IOS},
    /* Firefox */
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0", DESKTOP, BROWSER_FIREFOX, SYSTEM_WINDOWS},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 14.4; rv:125.0) Gecko/20100101 Firefox/125.0", DESKTOP, BROWSER_FIREFOX, SYSTEM_MACOS},
    {"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", DESKTOP, BROWSER_FIREFOX, SYSTEM_LINUX},
    {"Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0", MOBILE, BROWSER_FIREFOX, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Android 13; Tablet; rv:109.0) Gecko/118.0 Firefox/118.0", TABLETS, BROWSER_FIREFOX, SYSTEM_ANDROID},
    {IPHONE WEBKIT "FxiOS/125.0 Mobile/15E148 Safari/605.1.15", MOBILE, BROWSER_FIREFOX, SYSTEM_IOS},
    {IPAD WEBKIT "FxiOS/125.0 Mobile/15E148 Safari/605.1.15", TABLETS, BROWSER_FIREFOX, SYSTEM_IOS},
    {"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:125.0) " WEBKIT "FxiOS/125.0 Safari/605.1.15", TABLETS, BROWSER_FIREFOX, SYSTEM_IOS},
    {"Mozilla/5.0 (Mobile; Nokia 8110 4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5", MOBILE, BROWSER_FIREFOX, SYSTEM_OTHER},
    {"Mozilla/5.0 (X11; OpenBSD amd64; rv:124.0) Gecko/20100101 Firefox/124.0", DESKTOP, BROWSER_FIREFOX, SYSTEM_OTHER},
    /* Opera */
    {WINDOWS BLINK "Chrome/123.0.0.0 Safari/537.36 OPR/109.0.0.0", DESKTOP, BROWSER_OPERA, SYSTEM_WINDOWS},
    {"Mozilla/5.0 (Linux; Android 10; VOG-L29) " BLINK "Chrome/123.0.6312.118 Mobile Safari/537.36 OPR/81.1.4292.78446", MOBILE, BROWSER_OPERA, SYSTEM_ANDROID},
    {IPHONE WEBKIT "Version/17.4 Mobile/15E148 Safari/604.1 OPT/4.6.0", MOBILE, BROWSER_OPERA, SYSTEM_IOS},
    {"Opera/9.80 (Android; Opera Mini/36.2.2254/191.249; U; en) Presto/2.12.423 Version/12.16", MOBILE, BROWSER_OPERA, SYSTEM_ANDROID},
    {"Opera/9.80 (J2ME/MIDP; Opera Mini/9.80; U; en) Presto/2.5.25 Version/10.54", MOBILE, BROWSER_OPERA, SYSTEM_UNKNOWN},
    {"Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18", DESKTOP, BROWSER_OPERA, SYSTEM_WINDOWS},
    /* Safari; an iPad that asks for desktop sites is a Mac to us */
    {MAC WEBKIT "Version/17.4.1 Safari/605.1.15", DESKTOP, BROWSER_SAFARI, SYSTEM_MACOS},
    {MAC WEBKIT "Version/17.4.1 Mobile/15E148 Safari/604.1", TABLETS, BROWSER_SAFARI, SYSTEM_IOS},
    {IPHONE WEBKIT "Version/17.4.1 Mobile/15E148 Safari/604.1", MOBILE, BROWSER_SAFARI, SYSTEM_IOS},
    {IPAD WEBKIT "Version/17.4.1 Mobile/15E148 Safari/604.1", TABLETS, BROWSER_SAFARI, SYSTEM_IOS},
    {"Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5_7 like Mac OS X) " WEBKIT "Version/12.1.2 Mobile/15E148 Safari/604.1", MOBILE, BROWSER_SAFARI, SYSTEM_IOS},
    /* Samsung Internet */
    {"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) " BLINK "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36", MOBILE, BROWSER_SAMSUNG, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-X710) " BLINK "SamsungBrowser/24.0 Chrome/117.0.0.0 Safari/537.36", TABLETS, BROWSER_SAMSUNG, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Tizen 2.3; SAMSUNG SM-Z130H) AppleWebKit/537.3" KHTML "SamsungBrowser/1.0 Mobile Safari/537.3", MOBILE, BROWSER_SAMSUNG, SYSTEM_OTHER},
    /* other browsers, which speak the words of known ones */
    {WINDOWS BLINK "Chrome/122.0.0.0 YaBrowser/24.4.0.0 Safari/537.36", DESKTOP, BROWSER_OTHER, SYSTEM_WINDOWS},
    {X11 BLINK "Chrome/116.0.0.0 Safari/537.36 Vivaldi/6.2.3105.58", DESKTOP, BROWSER_OTHER, SYSTEM_LINUX},
    {"Mozilla/5.0 (Linux; U; Android 12; en-US; RMX3085) " BLINK "Version/4.0 Chrome/100.0.4896.58 UCBrowser/13.7.2.1636 Mobile Safari/537.36", MOBILE, BROWSER_OTHER, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UQ1A; wv) " BLINK "Version/4.0 Chrome/124.0.6367.82 Mobile Safari/537.36", MOBILE, BROWSER_OTHER, SYSTEM_ANDROID},
    {IPHONE WEBKIT "Mobile/15E148 [FBAN/FBIOS;FBAV/460.0.0.36.110;FBDV/iPhone14,2]", MOBILE, BROWSER_OTHER, SYSTEM_IOS},
    {IPHONE WEBKIT "Mobile/15E148", MOBILE, BROWSER_OTHER, SYSTEM_IOS},
    {IPHONE WEBKIT "GSA/313.0.625198683 Mobile/15E148 Safari/604.1", MOBILE, BROWSER_OTHER, SYSTEM_IOS},
    {IPHONE WEBKIT "Version/17.4 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", MOBILE, BROWSER_OTHER, SYSTEM_IOS},
    {MAC BLINK "Code/1.88.1 Chrome/122.0.6261.156 Electron/29.1.1 Safari/537.36", DESKTOP, BROWSER_OTHER, SYSTEM_MACOS},
    {"Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", DESKTOP, BROWSER_OTHER, SYSTEM_WINDOWS},
    {"Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)", DESKTOP, BROWSER_OTHER, SYSTEM_WINDOWS},
    {"Mozilla/5.0 (X11; Linux x86_64) " WEBKIT "Version/17.0 Safari/605.1.15", DESKTOP, BROWSER_OTHER, SYSTEM_LINUX},
    {"Mozilla/5.0 (Linux; U; Android 4.1.2; de-de; GT-I8190) AppleWebKit/534.30" KHTML "Version/4.0 Mobile Safari/534.30", MOBILE, BROWSER_OTHER, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 11; KFTRWI) " BLINK "Silk/122.2.2 like Chrome/122.0.6261.43 Safari/537.36", TABLETS, BROWSER_OTHER, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) " BLINK "Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063", MOBILE, BROWSER_EDGE, SYSTEM_OTHER},
    {"Mozilla/5.0 (BB10; Touch) AppleWebKit/537.10+" KHTML "Version/10.0.9.2372 Mobile Safari/537.10+", MOBILE, BROWSER_OTHER, SYSTEM_OTHER},
    /* televisions and consoles */
    {"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) " BLINK "76.0.3809.146/6.0 TV Safari/537.36", UNKNOWN, BROWSER_OTHER, SYSTEM_OTHER},
    {"Mozilla/5.0 (Web0S; Linux/SmartTV) " BLINK "Chrome/79.0.3945.79 Safari/537.36", UNKNOWN, BROWSER_CHROME, SYSTEM_OTHER},
    {"Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) " BLINK "Chrome/120.0.0.0 Safari/537.36", UNKNOWN, BROWSER_CHROME, SYSTEM_ANDROID},
    {"Mozilla/5.0 (Linux; Android 7.1.2; AFTMM) " BLINK "Silk/120.4.1 like Chrome/120.0.6099.230 Safari/537.36", UNKNOWN, BROWSER_OTHER, SYSTEM_ANDROID},
    {"Mozilla/5.0 (PlayStation; PlayStation 5/2.26) " WEBKIT "Version/13.0 Safari/605.1.15", UNKNOWN, BROWSER_OTHER, SYSTEM_OTHER},
    {"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) " BLINK "Chrome/44.0.2403.119 Safari/537.36 Edge/18.19041", UNKNOWN, BROWSER_EDGE, SYSTEM_OTHER},
    /* bots and programs */
    {"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) " BLINK "Chrome/124.0.6367.60 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", MOBILE, BROWSER_OTHER, SYSTEM_ANDROID},
    {MAC WEBKIT "Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)", DESKTOP, BROWSER_OTHER, SYSTEM_MACOS},
    {WINDOWS BLINK "Chrome/103.0.5060.134 Safari/537.36 bingbot", DESKTOP, BROWSER_OTHER, SYSTEM_WINDOWS},
    {"facebookexternalhit/1.1 Chrome/1", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"Mozilla/5.0 Chrome/1 (compatible; Baiduspider/2.0)", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"curl/7.88.1", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"python-requests/2.31.0", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"Mozilla/5.0", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    {"\xff\xfe(((((/;;;", UNKNOWN, BROWSER_OTHER, SYSTEM_UNKNOWN},
    /* nothing said */
    {"", UNKNOWN, BROWSER_UNKNOWN, SYSTEM_UNKNOWN},
    {"  \t", UNKNOWN, BROWSER_UNKNOWN, SYSTEM_UNKNOWN},
};
/* clang-format on */

static void assert_agent(const char *what, struct agent found, struct agent expected)
{
    if (found.device != expected.device || found.browser != expected.browser ||
        found.system != expected.system)
        fail_msg("%s: device %d browser %d system %d are not %d %d %d", what, found.device,
                 found.browser, found.system, expected.device, expected.browser, expected.system);
}

static void test_user_agents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(agents) / sizeof(*agents); i++) {
        struct agent_headers headers = {.user_agent = slice_cstr(agents[i].text)};
        struct agent expected = {agents[i].device, agents[i].browser, agents[i].system};
        assert_agent(agents[i].text, agent_of(&headers), expected);
    }
}

/* Each name is found among the words, and makes Chrome another browser or Windows another system.
 */
static void test_every_word_is_found(void **state)
{
    static const char *const browsers[] = {"Avast",         "Brave",       "Coc",
                                           "Ddg",           "DuckDuckGo",  "Electron",
                                           "Epiphany",      "FBAN",        "FBAV",
                                           "Falkon",        "GSA",         "HeyTapBrowser",
                                           "Instagram",     "Konqueror",   "HuaweiBrowser",
                                           "Line",          "MSIE",        "Maxthon",
                                           "MetaSr",        "MiuiBrowser", "MicroMessenger",
                                           "OculusBrowser", "PaleMoon",    "PhantomJS",
                                           "Pinterest",     "Puffin",      "QQBrowser",
                                           "QtWebEngine",   "SeaMonkey",   "Silk",
                                           "Snapchat",      "Trident",     "UBrowser",
                                           "UCBrowser",     "Vivaldi",     "VivoBrowser",
                                           "Waterfox",      "Whale",       "YaBrowser",
                                           "coc",           "musical",     "wv",
                                           "http",          "https",       "facebookexternalhit"};
    static const char *const systems[] = {
        "AppleTV",  "BB10",    "BlackBerry", "FreeBSD",     "IEMobile", "KAIOS",
        "NetBSD",   "OpenBSD", "Nintendo",   "OpenHarmony", "Phone",    "PlayStation",
        "Series40", "Symbian", "SymbianOS",  "Tizen",       "Web0S",    "Xbox"};
    char text[128];
    (void)state;
    for (size_t i = 0; i < sizeof(browsers) / sizeof(*browsers); i++) {
        int len = snprintf(text, sizeof(text), "Windows Chrome/1 Safari/1 %s/1", browsers[i]);
        struct agent_headers headers = {.user_agent = slice_of(text, (size_t)len)};
        assert_agent(text, agent_of(&headers),
                     (struct agent){DEVICE_DESKTOP, BROWSER_OTHER, SYSTEM_WINDOWS});
    }
    for (size_t i = 0; i < sizeof(systems) / sizeof(*systems); i++) {
        int len = snprintf(text, sizeof(text), "(Windows; %s) Chrome/1", systems[i]);
        struct agent_headers headers = {.user_agent = slice_of(text, (size_t)len)};
        if (agent_of(&headers).system != SYSTEM_OTHER)
            fail_msg("%s is not another system", systems[i]);
    }
}

static void test_a_long_user_agent_is_cut(void **state)
{
    char text[AGENT_BYTES_MAX + 64];
    (void)state;
    for (size_t room = 0; room <= 1; room++) {
        memset(text, ' ', sizeof(text));
        memcpy(text + AGENT_BYTES_MAX - strlen("Firefox") + room, "Firefox", strlen("Firefox"));
        struct agent_headers headers = {.user_agent = slice_of(text, sizeof(text))};
        memcpy(text, "Chrome", strlen("Chrome"));
        assert_int_equal(agent_of(&headers).browser, room ? BROWSER_CHROME : BROWSER_FIREFOX);
    }
}

/* clang-format off */
#define CHROME_BRANDS  "\"Chromium\";v=\"124\", \"Google Chrome\";v=\"124\", \"Not-A.Brand\";v=\"99\""
#define PLAIN_BRANDS   "\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\""

static const struct {
    const char *brands, *mobile, *platform, *user_agent;
    struct agent expected;
} hinted[] = {
    /* hints alone */
    {CHROME_BRANDS, "?0", "\"Windows\"", "", {DEVICE_DESKTOP, BROWSER_CHROME, SYSTEM_WINDOWS}},
    {CHROME_BRANDS, "?1", "\"Android\"", "", {DEVICE_MOBILE, BROWSER_CHROME, SYSTEM_ANDROID}},
    {CHROME_BRANDS, "?0", "\"Chrome OS\"", "", {DEVICE_DESKTOP, BROWSER_CHROME, SYSTEM_CHROMEOS}},
    /* hints win where both speak */
    {CHROME_BRANDS, "?0", "\"macOS\"", PHONE "Firefox/1 Mobile", {DEVICE_DESKTOP, BROWSER_CHROME, SYSTEM_MACOS}},
    {"\"Brave\";v=\"1\", \"Chromium\";v=\"1\"", "?0", "\"Linux\"", X11 BLINK "Chrome/124.0.0.0 Safari/537.36", {DEVICE_DESKTOP, BROWSER_OTHER, SYSTEM_LINUX}},
    /* the user agent fills in what is left open */
    {PLAIN_BRANDS, "?0", "\"Linux\"", X11 BLINK "Chrome/124.0.0.0 Safari/537.36", {DEVICE_DESKTOP, BROWSER_CHROME, SYSTEM_LINUX}},
    {PLAIN_BRANDS, "?0", "\"Linux\"", X11 BLINK "Chrome/124 Electron/29 Safari/537.36", {DEVICE_DESKTOP, BROWSER_OTHER, SYSTEM_LINUX}},
    {"Chrome", "yes", "Windows", WINDOWS BLINK "Chrome/124.0.0.0 Safari/537.36", {DEVICE_DESKTOP, BROWSER_CHROME, SYSTEM_WINDOWS}},
    {"", "", "\"Windows\"", MAC WEBKIT "Version/17.4.1 Safari/605.1.15", {DEVICE_DESKTOP, BROWSER_SAFARI, SYSTEM_WINDOWS}},
    /* not a telephone: a tablet, a television, or nobody knows */
    {CHROME_BRANDS, "?0", "\"Android\"", TABLET BLINK "Chrome/124.0.0.0 Safari/537.36", {DEVICE_TABLET, BROWSER_CHROME, SYSTEM_ANDROID}},
    {CHROME_BRANDS, "?0", "\"Android\"", PHONE BLINK "Chrome/124.0.0.0 Mobile Safari/537.36", {DEVICE_TABLET, BROWSER_CHROME, SYSTEM_ANDROID}},
    {CHROME_BRANDS, "?0", "\"Android\"", "Mozilla/5.0 (Linux; Android 9; BRAVIA 4K UR2) " BLINK "Chrome/120.0.0.0 Safari/537.36", {DEVICE_UNKNOWN, BROWSER_CHROME, SYSTEM_ANDROID}},
    {CHROME_BRANDS, "?0", "\"Android\"", "", {DEVICE_UNKNOWN, BROWSER_CHROME, SYSTEM_ANDROID}},
    {CHROME_BRANDS, "?0", "\"Fuchsia\"", "", {DEVICE_UNKNOWN, BROWSER_CHROME, SYSTEM_OTHER}},
    {CHROME_BRANDS, "?0", "", "", {DEVICE_UNKNOWN, BROWSER_CHROME, SYSTEM_UNKNOWN}},
    {CHROME_BRANDS, "?1", "", "", {DEVICE_MOBILE, BROWSER_CHROME, SYSTEM_UNKNOWN}},
    {"", "", "", "", {DEVICE_UNKNOWN, BROWSER_UNKNOWN, SYSTEM_UNKNOWN}},
};
/* clang-format on */

static void test_hints_come_first(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(hinted) / sizeof(*hinted); i++) {
        struct agent_headers headers = {
            .user_agent = slice_cstr(hinted[i].user_agent),
            .brands = slice_cstr(hinted[i].brands),
            .mobile = slice_cstr(hinted[i].mobile),
            .platform = slice_cstr(hinted[i].platform),
        };
        char what[16];
        (void)snprintf(what, sizeof(what), "row %zu", i);
        assert_agent(what, agent_of(&headers), hinted[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_user_agents),
        cmocka_unit_test(test_every_word_is_found),
        cmocka_unit_test(test_a_long_user_agent_is_cut),
        cmocka_unit_test(test_hints_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
