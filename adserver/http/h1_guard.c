#include "http/h1_guard.h"

#include "http/request.h"

/* Which bytes may stand where; a byte may be of several kinds. */
enum byte_kind {
    IN_METHOD = 1, /* A to Z, - and _ */
    IN_TARGET = 2, /* visible ASCII */
    IN_NAME = 4,   /* RFC 9110, 5.6.2: token */
    IN_VALUE = 8,  /* RFC 9110, 5.5: visible ASCII, blanks, and anything above ASCII */
};

#define VISIBLE (IN_TARGET | IN_VALUE)
#define TOKEN   (VISIBLE | IN_NAME)
#define CAPITAL (TOKEN | IN_METHOD)

static const uint8_t kinds[256] = {
    ['\t'] = IN_VALUE,       [' '] = IN_VALUE,
    ['!'] = TOKEN,           ['"'] = VISIBLE,
    ['#' ... '\''] = TOKEN,  ['('] = VISIBLE,
    [')'] = VISIBLE,         ['*'] = TOKEN,
    ['+'] = TOKEN,           [','] = VISIBLE,
    ['-'] = CAPITAL,         ['.'] = TOKEN,
    ['/'] = VISIBLE,         ['0' ... '9'] = TOKEN,
    [':' ... '@'] = VISIBLE, ['A' ... 'Z'] = CAPITAL,
    ['[' ... ']'] = VISIBLE, ['^'] = TOKEN,
    ['_'] = CAPITAL,         ['`'] = TOKEN,
    ['a' ... 'z'] = TOKEN,   ['{'] = VISIBLE,
    ['|'] = TOKEN,           ['}'] = VISIBLE,
    ['~'] = TOKEN,           [0x80 ... 0xff] = IN_VALUE,
};

/* The line end counts too: of the request line, and of the empty line behind the headers. */
#define CRLF 2

/* How long a head may be up to where; counted from its first byte and from its first header. */
struct limit {
    uint32_t max;
    enum h1_refusal too_long;
};

static const struct limit method_limit = {H1_METHOD_MAX + 1, H1_REFUSAL_METHOD};
static const struct limit line_limit = {HTTP_REQUEST_LINE_MAX + CRLF, H1_REFUSAL_LINE_SIZE};
static const struct limit head_limit = {HTTP_HEAD_MAX + CRLF, H1_REFUSAL_HEAD_SIZE};

/*
 * What a state lets pass: some bytes of a kind, then the one byte that ends them. START, FIRST and
 * LINE have a choice instead, see choose().
 */
struct rule {
    const struct limit *limit;
    uint8_t kind; /* 0: none, the end comes at once */
    char end;
    enum h1_guard_state next;
    enum h1_refusal otherwise;
    bool restarts; /* the next state counts from 0 */
};

static const struct rule rules[] = {
    [H1_GUARD_START] = {.limit = &method_limit},
    [H1_GUARD_START_LF] = {&method_limit, 0, '\n', H1_GUARD_FIRST, H1_REFUSAL_REQUEST_LINE, true},
    [H1_GUARD_FIRST] = {.limit = &method_limit},
    [H1_GUARD_METHOD] = {&method_limit, IN_METHOD, ' ', H1_GUARD_TARGET, H1_REFUSAL_REQUEST_LINE,
                         false},
    [H1_GUARD_TARGET] = {&line_limit, IN_TARGET, ' ', H1_GUARD_VERSION, H1_REFUSAL_REQUEST_LINE,
                         false},
    [H1_GUARD_VERSION] = {&line_limit, IN_TARGET, '\r', H1_GUARD_VERSION_LF,
                          H1_REFUSAL_REQUEST_LINE, false},
    [H1_GUARD_VERSION_LF] = {&line_limit, 0, '\n', H1_GUARD_LINE, H1_REFUSAL_REQUEST_LINE, true},
    [H1_GUARD_LINE] = {.limit = &head_limit},
    [H1_GUARD_NAME] = {&head_limit, IN_NAME, ':', H1_GUARD_VALUE, H1_REFUSAL_HEADER, false},
    [H1_GUARD_VALUE] = {&head_limit, IN_VALUE, '\r', H1_GUARD_VALUE_LF, H1_REFUSAL_HEADER, false},
    [H1_GUARD_VALUE_LF] = {&head_limit, 0, '\n', H1_GUARD_LINE, H1_REFUSAL_HEADER, false},
    [H1_GUARD_END_LF] = {&head_limit, 0, '\n', H1_GUARD_DONE, H1_REFUSAL_HEADER, false},
};

void h1_guard_init(struct h1_guard *guard)
{
    *guard = (struct h1_guard){.state = H1_GUARD_START};
}

void h1_guard_init_lines(struct h1_guard *guard)
{
    *guard = (struct h1_guard){.state = H1_GUARD_LINE};
}

static enum h1_refusal move(struct h1_guard *guard, enum h1_guard_state state)
{
    guard->state = state;
    return H1_REFUSAL_NONE;
}

/* At a header line. */
static enum h1_refusal begin_header(struct h1_guard *guard, char first)
{
    if (!(kinds[(uint8_t)first] & IN_NAME))
        return H1_REFUSAL_HEADER;
    if (guard->headers == HTTP_HEADERS_MAX)
        return H1_REFUSAL_HEADER_COUNT;
    guard->headers++;
    return move(guard, H1_GUARD_NAME);
}

/* START, FIRST and LINE: the first byte tells what comes. Uses it up only when it is a CR. */
static enum h1_refusal choose(struct h1_guard *guard, char first, size_t *ret_used)
{
    bool is_cr = first == '\r';
    *ret_used = is_cr;
    guard->used += is_cr;
    if (guard->state == H1_GUARD_LINE)
        return is_cr ? move(guard, H1_GUARD_END_LF) : begin_header(guard, first);
    if (is_cr && guard->state == H1_GUARD_START)
        return move(guard, H1_GUARD_START_LF);
    return first >= 'A' && first <= 'Z' ? move(guard, H1_GUARD_METHOD) : H1_REFUSAL_REQUEST_LINE;
}

/* The other states: as far as the rule's kind of bytes goes, and over the one that ends them. */
static enum h1_refusal follow(struct h1_guard *guard, struct slice bytes, size_t *ret_used)
{
    const struct rule *rule = &rules[guard->state];
    size_t at = 0;
    while (at < bytes.len && (kinds[(uint8_t)bytes.ptr[at]] & rule->kind))
        at++;
    bool ended = at < bytes.len && bytes.ptr[at] == rule->end;
    *ret_used = at + ended;
    guard->used += (uint32_t)*ret_used;
    if (!ended)
        return at < bytes.len ? rule->otherwise : H1_REFUSAL_NONE;
    if (rule->restarts)
        guard->used = 0;
    return move(guard, rule->next);
}

static enum h1_refusal step(struct h1_guard *guard, struct slice bytes, size_t *ret_used)
{
    const struct rule *rule = &rules[guard->state];
    size_t left = rule->limit->max - guard->used;
    *ret_used = 0;
    if (left == 0)
        return rule->limit->too_long;
    if (bytes.len > left)
        bytes.len = left;
    return rule->end ? follow(guard, bytes, ret_used) : choose(guard, bytes.ptr[0], ret_used);
}

size_t h1_guard_pass(struct h1_guard *guard, struct slice bytes, enum h1_refusal *ret_refusal)
{
    size_t at = 0;
    *ret_refusal = H1_REFUSAL_NONE;
    while (at < bytes.len && guard->state != H1_GUARD_DONE && *ret_refusal == H1_REFUSAL_NONE) {
        size_t used;
        *ret_refusal = step(guard, slice_from(bytes, at), &used);
        at += used;
    }
    return at;
}
