#include "decision/agent.h"

#include <stdlib.h>

#include "decision/hints.h"

/*
 * 1. The User-Agent is cut into words: runs of letters and digits. Digits in front are versions.
 * 2. Each word adds its marks (the table below) to one set.
 * 3. Browser, system and device are asked of the set, in the order in which their words mislead:
 *    everybody says Mozilla and Safari, most say Chrome, and few say more.
 */

enum mark {
    MARK_BOT = 1 << 0,
    MARK_OTHER = 1 << 1, /* a browser that speaks the words of a known one too */
    MARK_EDGE = 1 << 2,
    MARK_OPERA = 1 << 3,
    MARK_SAMSUNG = 1 << 4,
    MARK_FIREFOX = 1 << 5,
    MARK_CHROME = 1 << 6,
    MARK_SAFARI = 1 << 7,
    MARK_VERSION = 1 << 8, /* Safari's own version stands behind this word */
    MARK_IOS_APP = 1 << 9, /* the form in which a browser comes on iOS alone */
    MARK_IPHONE = 1 << 10,
    MARK_IPAD = 1 << 11,
    MARK_ANDROID = 1 << 12,
    MARK_CHROMEOS = 1 << 13,
    MARK_WINDOWS = 1 << 14,
    MARK_MAC = 1 << 15,
    MARK_LINUX = 1 << 16,
    MARK_X11 = 1 << 17,
    MARK_OTHER_SYSTEM = 1 << 18,
    MARK_MOBILE = 1 << 19,
    MARK_MINI = 1 << 20, /* of Opera Mini, which does not say Mobile */
    MARK_TABLET = 1 << 21,
    MARK_SCREEN = 1 << 22, /* a television or a console */
};

struct word {
    struct slice text;
    unsigned marks;
};

/* In order of bytes. A word without marks is one that looks like a bot and is none. */
static const struct word words[] = {
    {SLICE_INIT("AFTKA"), MARK_SCREEN}, /* AFT…: Fire TV */
    {SLICE_INIT("AFTM"), MARK_SCREEN},
    {SLICE_INIT("AFTMM"), MARK_SCREEN},
    {SLICE_INIT("AFTN"), MARK_SCREEN},
    {SLICE_INIT("AFTS"), MARK_SCREEN},
    {SLICE_INIT("AFTSSS"), MARK_SCREEN},
    {SLICE_INIT("AFTT"), MARK_SCREEN},
    {SLICE_INIT("Android"), MARK_ANDROID},
    {SLICE_INIT("AppleTV"), MARK_OTHER_SYSTEM | MARK_SCREEN},
    {SLICE_INIT("Avast"), MARK_OTHER},
    {SLICE_INIT("BB10"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("BRAVIA"), MARK_SCREEN},
    {SLICE_INIT("BlackBerry"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("Brave"), MARK_OTHER},
    {SLICE_INIT("Chrome"), MARK_CHROME},
    {SLICE_INIT("Chromium"), MARK_CHROME},
    {SLICE_INIT("Coc"), MARK_OTHER}, /* coc_coc_browser */
    {SLICE_INIT("CrKey"), MARK_SCREEN},
    {SLICE_INIT("CrOS"), MARK_CHROMEOS},
    {SLICE_INIT("CriOS"), MARK_CHROME | MARK_IOS_APP},
    {SLICE_INIT("Cubot"), 0},
    {SLICE_INIT("Ddg"), MARK_OTHER},
    {SLICE_INIT("DuckDuckGo"), MARK_OTHER},
    {SLICE_INIT("Edg"), MARK_EDGE},
    {SLICE_INIT("EdgA"), MARK_EDGE},
    {SLICE_INIT("Edge"), MARK_EDGE},
    {SLICE_INIT("EdgiOS"), MARK_EDGE | MARK_IOS_APP},
    {SLICE_INIT("Electron"), MARK_OTHER},
    {SLICE_INIT("Epiphany"), MARK_OTHER},
    {SLICE_INIT("FBAN"), MARK_OTHER},
    {SLICE_INIT("FBAV"), MARK_OTHER},
    {SLICE_INIT("Falkon"), MARK_OTHER},
    {SLICE_INIT("Firefox"), MARK_FIREFOX},
    {SLICE_INIT("Focus"), MARK_FIREFOX},
    {SLICE_INIT("FreeBSD"), MARK_OTHER_SYSTEM},
    {SLICE_INIT("FxiOS"), MARK_FIREFOX | MARK_IOS_APP},
    {SLICE_INIT("GSA"), MARK_OTHER},
    {SLICE_INIT("GoogleTV"), MARK_SCREEN},
    {SLICE_INIT("HbbTV"), MARK_SCREEN},
    {SLICE_INIT("HeadlessChrome"), MARK_CHROME},
    {SLICE_INIT("HeyTapBrowser"), MARK_OTHER},
    {SLICE_INIT("HuaweiBrowser"), MARK_OTHER},
    {SLICE_INIT("IEMobile"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("Instagram"), MARK_OTHER},
    {SLICE_INIT("KAIOS"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("Klar"), MARK_FIREFOX},
    {SLICE_INIT("Konqueror"), MARK_OTHER},
    {SLICE_INIT("Line"), MARK_OTHER},
    {SLICE_INIT("Linux"), MARK_LINUX},
    {SLICE_INIT("MSIE"), MARK_OTHER},
    {SLICE_INIT("Macintosh"), MARK_MAC},
    {SLICE_INIT("Maxthon"), MARK_OTHER},
    {SLICE_INIT("MetaSr"), MARK_OTHER},
    {SLICE_INIT("MicroMessenger"), MARK_OTHER},
    {SLICE_INIT("Mini"), MARK_MINI},
    {SLICE_INIT("MiuiBrowser"), MARK_OTHER},
    {SLICE_INIT("Mobi"), MARK_MOBILE},
    {SLICE_INIT("Mobile"), MARK_MOBILE},
    {SLICE_INIT("NetBSD"), MARK_OTHER_SYSTEM},
    {SLICE_INIT("Nintendo"), MARK_OTHER_SYSTEM | MARK_SCREEN},
    {SLICE_INIT("OPR"), MARK_OPERA},
    {SLICE_INIT("OPT"), MARK_OPERA | MARK_IOS_APP},
    {SLICE_INIT("OPX"), MARK_OPERA | MARK_IOS_APP},
    {SLICE_INIT("OPiOS"), MARK_OPERA | MARK_IOS_APP},
    {SLICE_INIT("OculusBrowser"), MARK_OTHER},
    {SLICE_INIT("OpenBSD"), MARK_OTHER_SYSTEM},
    {SLICE_INIT("OpenHarmony"), MARK_OTHER_SYSTEM},
    {SLICE_INIT("Opera"), MARK_OPERA},
    {SLICE_INIT("PaleMoon"), MARK_OTHER},
    {SLICE_INIT("PhantomJS"), MARK_OTHER},
    {SLICE_INIT("Phone"), MARK_OTHER_SYSTEM | MARK_MOBILE}, /* Windows Phone */
    {SLICE_INIT("Pinterest"), MARK_OTHER},
    {SLICE_INIT("PlayStation"), MARK_OTHER_SYSTEM | MARK_SCREEN},
    {SLICE_INIT("Puffin"), MARK_OTHER},
    {SLICE_INIT("QQBrowser"), MARK_OTHER},
    {SLICE_INIT("QtWebEngine"), MARK_OTHER},
    {SLICE_INIT("Safari"), MARK_SAFARI},
    {SLICE_INIT("SamsungBrowser"), MARK_SAMSUNG},
    {SLICE_INIT("SeaMonkey"), MARK_OTHER},
    {SLICE_INIT("Series40"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("Silk"), MARK_OTHER},
    {SLICE_INIT("SmartTV"), MARK_SCREEN},
    {SLICE_INIT("Snapchat"), MARK_OTHER},
    {SLICE_INIT("Symbian"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("SymbianOS"), MARK_OTHER_SYSTEM | MARK_MOBILE},
    {SLICE_INIT("TV"), MARK_SCREEN},
    {SLICE_INIT("Tablet"), MARK_TABLET},
    {SLICE_INIT("Tizen"), MARK_OTHER_SYSTEM},
    {SLICE_INIT("Trident"), MARK_OTHER},
    {SLICE_INIT("UBrowser"), MARK_OTHER},
    {SLICE_INIT("UCBrowser"), MARK_OTHER},
    {SLICE_INIT("Version"), MARK_VERSION},
    {SLICE_INIT("Vivaldi"), MARK_OTHER},
    {SLICE_INIT("VivoBrowser"), MARK_OTHER},
    {SLICE_INIT("Waterfox"), MARK_OTHER},
    {SLICE_INIT("Web0S"), MARK_OTHER_SYSTEM | MARK_SCREEN},
    {SLICE_INIT("Whale"), MARK_OTHER},
    {SLICE_INIT("Windows"), MARK_WINDOWS},
    {SLICE_INIT("X11"), MARK_X11},
    {SLICE_INIT("Xbox"), MARK_OTHER_SYSTEM | MARK_SCREEN},
    {SLICE_INIT("YaBrowser"), MARK_OTHER},
    {SLICE_INIT("coc"), MARK_OTHER},
    {SLICE_INIT("facebookexternalhit"), MARK_BOT},
    {SLICE_INIT("http"), MARK_BOT}, /* bots say where to read about them; people's browsers don't */
    {SLICE_INIT("https"), MARK_BOT},
    {SLICE_INIT("iPad"), MARK_IPAD},
    {SLICE_INIT("iPhone"), MARK_IPHONE},
    {SLICE_INIT("iPod"), MARK_IPHONE},
    {SLICE_INIT("musical"), MARK_OTHER}, /* musical_ly, which is TikTok */
    {SLICE_INIT("wv"), MARK_OTHER},      /* Android's web view */
};

#define WORDS (sizeof(words) / sizeof(*words))

/* Shortest and longest of the table: others need not be looked up. */
enum { WORD_MIN = 2, WORD_MAX = sizeof("facebookexternalhit") - 1 };

static int compare_word(const void *key, const void *element)
{
    const struct slice *text = key;
    const struct word *word = element;
    return slice_compare(*text, word->text);
}

/* "Googlebot", "YandexBot", "Baiduspider"; CUBOT makes telephones. */
static bool is_bot(struct slice text)
{
    static const struct slice ends[] = {SLICE_INIT("bot"),     SLICE_INIT("Bot"),
                                        SLICE_INIT("spider"),  SLICE_INIT("Spider"),
                                        SLICE_INIT("crawler"), SLICE_INIT("Crawler")};
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (slice_ends(text, ends[i]))
            return true;
    return false;
}

static unsigned marks_of_word(struct slice text)
{
    const struct word *word = NULL;
    if (text.len >= WORD_MIN && text.len <= WORD_MAX && text.ptr[0] > '9')
        word = bsearch(&text, words, WORDS, sizeof(*words), compare_word);
    if (word)
        return word->marks;
    return is_bot(text) ? MARK_BOT : 0;
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static unsigned marks_of(struct slice text)
{
    unsigned marks = 0;
    size_t len = text.len < AGENT_BYTES_MAX ? text.len : AGENT_BYTES_MAX;

    for (size_t at = 0; at < len; at++) {
        size_t begin = at;
        while (at < len && is_word_byte(text.ptr[at]))
            at++;
        if (at > begin)
            marks |= marks_of_word(slice_of(text.ptr + begin, at - begin));
    }
    return marks;
}

/* ---- What the marks mean ----------------------------------------------------------------------
 */

static enum system system_of(unsigned marks)
{
    if (marks & MARK_OTHER_SYSTEM)
        return SYSTEM_OTHER;
    if (marks & (MARK_IPHONE | MARK_IPAD))
        return SYSTEM_IOS;
    if (marks & MARK_ANDROID)
        return SYSTEM_ANDROID;
    if (marks & MARK_CHROMEOS)
        return SYSTEM_CHROMEOS;
    if (marks & MARK_WINDOWS)
        return SYSTEM_WINDOWS;
    if (marks & MARK_MAC) /* an iPad that asks for desktop sites gives itself away by these */
        return marks & (MARK_IOS_APP | MARK_MOBILE) ? SYSTEM_IOS : SYSTEM_MACOS;
    return marks & MARK_LINUX ? SYSTEM_LINUX : SYSTEM_UNKNOWN;
}

static enum device device_of(unsigned marks, enum system system)
{
    bool mobile = marks & MARK_MOBILE || (marks & MARK_OPERA && marks & MARK_MINI);

    if (marks & MARK_SCREEN)
        return DEVICE_UNKNOWN;
    switch (system) {
    case SYSTEM_IOS:
        return marks & MARK_IPHONE && !(marks & MARK_IPAD) ? DEVICE_MOBILE : DEVICE_TABLET;
    case SYSTEM_ANDROID: /* a tablet is what does not say Mobile */
        return mobile && !(marks & MARK_TABLET) ? DEVICE_MOBILE : DEVICE_TABLET;
    case SYSTEM_WINDOWS:
    case SYSTEM_MACOS:
    case SYSTEM_CHROMEOS:
        return DEVICE_DESKTOP;
    default:
        break;
    }
    if (mobile)
        return DEVICE_MOBILE;
    return marks & (MARK_X11 | MARK_LINUX) ? DEVICE_DESKTOP : DEVICE_UNKNOWN;
}

static bool has_safari(unsigned marks, enum system system)
{
    return marks & MARK_SAFARI && marks & MARK_VERSION &&
           (system == SYSTEM_MACOS || system == SYSTEM_IOS || system == SYSTEM_WINDOWS);
}

static enum browser browser_of(unsigned marks, enum system system)
{
    if (marks & MARK_BOT)
        return BROWSER_OTHER;
    if (marks & MARK_EDGE)
        return BROWSER_EDGE;
    if (marks & MARK_OPERA)
        return BROWSER_OPERA;
    if (marks & MARK_SAMSUNG)
        return BROWSER_SAMSUNG;
    if (marks & MARK_OTHER)
        return BROWSER_OTHER;
    if (marks & MARK_FIREFOX)
        return BROWSER_FIREFOX;
    if (marks & MARK_CHROME)
        return BROWSER_CHROME;
    return has_safari(marks, system) ? BROWSER_SAFARI : BROWSER_OTHER;
}

static struct agent read_user_agent(struct slice text)
{
    struct agent agent = {DEVICE_UNKNOWN, BROWSER_UNKNOWN, SYSTEM_UNKNOWN};
    unsigned marks;

    if (slice_trim(text).len == 0)
        return agent;
    marks = marks_of(text);
    agent.system = system_of(marks);
    agent.browser = browser_of(marks, agent.system);
    agent.device = device_of(marks, agent.system);
    return agent;
}

/* ---- Both together ----------------------------------------------------------------------------
 */

/* What is not a telephone may be a tablet; on Android, the user agent must not be a television's.
 */
static enum device device_by_hints(enum hint_mobile mobile, enum system system)
{
    if (mobile == HINT_MOBILE)
        return DEVICE_MOBILE;
    if (mobile == HINT_NONE || system == SYSTEM_UNKNOWN || system == SYSTEM_OTHER ||
        system == SYSTEM_ANDROID || system == SYSTEM_IOS)
        return DEVICE_UNKNOWN;
    return DEVICE_DESKTOP;
}

struct agent agent_of(const struct agent_headers *headers)
{
    enum hint_mobile mobile = hints_mobile(headers->mobile);
    struct agent agent = {.browser = hints_browser(headers->brands),
                          .system = hints_system(headers->platform)};
    agent.device = device_by_hints(mobile, agent.system);
    if (agent.device && agent.browser && agent.system)
        return agent;

    struct agent said = read_user_agent(headers->user_agent);
    if (!agent.browser)
        agent.browser = said.browser;
    if (!agent.system)
        agent.system = said.system;
    if (!agent.device)
        agent.device =
            mobile == HINT_NOT_MOBILE && said.device == DEVICE_MOBILE ? DEVICE_TABLET : said.device;
    return agent;
}
