#include "decision/page_parameters.h"

#include <string.h>

#include "base/url.h"
#include "decision/consent.h"

bool viewer_uid_is_valid(struct slice uid)
{
    if (uid.len < 8 || uid.len > 64)
        return false;
    for (size_t i = 0; i < uid.len; i++) {
        char c = uid.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

/*
 * Every parameter is one row: its name and a function that checks one value and keeps it.
 */

typedef bool parameter_fn(struct page_query *query, struct arena *arena, struct slice value,
                          struct err *err);

/* The length where there is none. */
static size_t last_colon(struct slice value)
{
    size_t at = value.len;
    while (at > 0 && value.ptr[at - 1] != ':')
        at--;
    return at > 0 ? at - 1 : value.len;
}

static bool take_slot(struct page_query *query, struct arena *arena, struct slice value,
                      struct err *err)
{
    size_t colon = last_colon(value);
    uint64_t width = 0;
    (void)arena;
    if (query->slot_count == PAGE_SLOTS_MAX)
        return err_set(err, "more than %d slots", PAGE_SLOTS_MAX);
    if (colon < value.len && !slice_to_u64(slice_from(value, colon + 1), PAGE_WIDTH_MAX, &width))
        return err_set(err, "the width in %s is not a number from 0 to %d", err_quote(value),
                       PAGE_WIDTH_MAX);
    query->slots[query->slot_count].id = slice_of(value.ptr, colon);
    query->slots[query->slot_count++].width = (uint32_t)width;
    return true;
}

static bool take_mark(struct page_query *query, struct arena *arena, struct slice value,
                      struct err *err)
{
    (void)arena, (void)err;
    if (value.len > 0 && query->mark_count < PAGE_MARKS_MAX)
        query->marks[query->mark_count++] = value;
    return true;
}

static bool keep(struct slice value, size_t max, struct slice *ret, struct err *err)
{
    if (value.len > max)
        return err_set(err, "%zu bytes, at most %zu are allowed", value.len, max);
    *ret = value;
    return true;
}

static bool lower_case(struct slice text, struct arena *arena, struct slice *ret)
{
    struct slice copy = arena_copy(arena, text);
    if (!copy.ptr)
        return false;
    for (size_t i = 0; i < copy.len; i++)
        if (copy.ptr[i] >= 'A' && copy.ptr[i] <= 'Z')
            ((char *)(uintptr_t)copy.ptr)[i] = (char)(copy.ptr[i] | 0x20);
    *ret = copy;
    return true;
}

/* "Blog.Example." and "blog.example" are one host. */
static bool take_host(struct slice url, struct arena *arena, struct slice *ret)
{
    struct slice host;
    if (!url_host(url, &host))
        return false;
    if (slice_ends(host, SLICE(".")))
        host.len--;
    return host.len > 0 && lower_case(host, arena, ret);
}

/* What stands between the host and `?` or `#`, of a URL that has a host. */
static struct slice path_of(struct slice url)
{
    struct slice rest = slice_from(url, slice_find(url, ':') + strlen("://"));
    size_t begin = 0, end;
    while (begin < rest.len && rest.ptr[begin] != '/' && rest.ptr[begin] != '?' &&
           rest.ptr[begin] != '#')
        begin++;
    for (end = begin; end < rest.len && rest.ptr[end] != '?' && rest.ptr[end] != '#'; end++)
        ;
    return end > begin ? slice_of(rest.ptr + begin, end - begin) : SLICE("/");
}

/* "about:srcdoc", "file:///a.html", "app://b": an address, but none that others could ask for. */
static bool is_of_no_site(struct slice value)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
    struct slice scheme = slice_of(value.ptr, slice_find(value, ':'));
    if (scheme.len == 0 || scheme.len == value.len ||
        (scheme.ptr[0] >= '0' && scheme.ptr[0] <= '9'))
        return false;
    for (size_t i = 0; i < scheme.len; i++) {
        if (scheme.ptr[i] == '\0' || !strchr(allowed, scheme.ptr[i]))
            return false;
    }
    return !slice_eq_nocase(scheme, SLICE("http")) && !slice_eq_nocase(scheme, SLICE("https"));
}

/* A page that has no address on the web gets its ads as one that does not say where it is. */
static bool take_url(struct page_query *query, struct arena *arena, struct slice value,
                     struct err *err)
{
    if (value.len == 0)
        return true;
    if (!keep(value, PAGE_URL_MAX, &query->url, err))
        return false;
    if (is_of_no_site(value)) {
        query->url = query->domain = query->path = (struct slice){0};
        return true;
    }
    if (!take_host(value, arena, &query->domain))
        return err_set(err, "%s is no http or https address", err_quote(value));
    query->path = path_of(value);
    return true;
}

/* What is no address of the web (a mail program's, say) is no reason to refuse a page its ads. */
static bool take_ref(struct page_query *query, struct arena *arena, struct slice value,
                     struct err *err)
{
    query->referrer = (struct slice){0};
    (void)take_host(value, arena, &query->referrer);
    return keep(value, PAGE_URL_MAX, &query->ref, err);
}

static bool take_keywords(struct page_query *query, struct arena *arena, struct slice value,
                          struct err *err)
{
    struct slice rest, word;
    (void)arena;
    query->keyword_count = 0;
    if (!keep(value, PAGE_TEXT_MAX, &rest, err))
        return false;
    while (slice_next(&rest, ',', &word)) {
        word = slice_trim(word);
        if (word.len == 0)
            continue;
        if (query->keyword_count == PAGE_KEYWORDS_MAX)
            return err_set(err, "more than %d keywords", PAGE_KEYWORDS_MAX);
        query->keywords[query->keyword_count++] = word;
    }
    return true;
}

static bool take_uid(struct page_query *query, struct arena *arena, struct slice value,
                     struct err *err)
{
    (void)arena;
    if (value.len && !viewer_uid_is_valid(value))
        return err_set(err, "not a viewer id, allowed is [A-Za-z0-9_-]{8,64}");
    query->uid = value;
    return true;
}

static bool take_consent(struct page_query *query, struct arena *arena, struct slice value,
                         struct err *err)
{
    (void)arena;
    return keep(value, CONSENT_MAX, &query->consent, err);
}

static bool refuse_preview(struct page_query *query, struct arena *arena, struct slice value,
                           struct err *err)
{
    (void)query, (void)arena, (void)value;
    return err_set(err, "previews are not available in this version");
}

static const struct {
    struct slice name;
    parameter_fn *take;
} parameters[] = {
    {SLICE_INIT("slot"), take_slot},         {SLICE_INIT("url"), take_url},
    {SLICE_INIT("ref"), take_ref},           {SLICE_INIT("kw"), take_keywords},
    {SLICE_INIT("uid"), take_uid},           {SLICE_INIT("consent"), take_consent},
    {SLICE_INIT("preview"), refuse_preview}, {SLICE_INIT("page"), take_mark},
};

static bool take_kv(struct page_query *query, struct slice name, struct slice value,
                    struct err *err)
{
    if (name.len == 0 || name.len > 32)
        return err_set(err, "the name behind kv. has 1 to 32 characters");
    if (query->kv_count == PAGE_KV_MAX)
        return err_set(err, "more than %d key-values", PAGE_KV_MAX);
    if (!keep(value, PAGE_TEXT_MAX, &query->kv[query->kv_count].value, err))
        return false;
    query->kv[query->kv_count++].name = name;
    return true;
}

/* The row's function; NULL for a name that is not ours. */
static parameter_fn *find_parameter(struct slice name)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
        if (slice_eq(parameters[i].name, name))
            return parameters[i].take;
    return NULL;
}

static bool is_kv(struct slice name)
{
    return slice_starts(name, SLICE("kv."));
}

bool page_query_take(struct page_query *query, struct arena *arena, struct slice name,
                     struct slice value, struct err *err)
{
    parameter_fn *take_value = find_parameter(name);
    bool good = true;
    if (is_kv(name))
        good = take_kv(query, slice_from(name, strlen("kv.")), value, err);
    else if (take_value)
        good = take_value(query, arena, value, err);
    return good ||
           err_at(err, "%.*s", SLICE_ARGS(slice_of(name.ptr, name.len < 64 ? name.len : 64)));
}

void page_query_clear(struct page_query *query)
{
    query->slot_count = query->kv_count = query->keyword_count = query->mark_count = 0;
    query->url = query->domain = query->path = query->ref = query->referrer = (struct slice){0};
    query->uid = query->consent = (struct slice){0};
}

bool page_query_knows(struct slice name)
{
    return is_kv(name) || find_parameter(name) != NULL;
}

/* A misspelt slot, or one that a reader's comment brought, costs those beside it nothing. */
bool page_query_check(const struct page_query *query, struct err *err)
{
    for (unsigned i = 0; i < query->slot_count; i++) {
        if (id_is_valid(query->slots[i].id))
            return true;
    }
    (void)err_at(err, "slot");
    if (query->slot_count == 0)
        return err_set(err, "missing: name 1 to %d slots", PAGE_SLOTS_MAX);
    return err_set(err, "%s is no slot id, allowed is [a-z0-9][a-z0-9._-]{0,63}",
                   err_quote(query->slots[0].id));
}

void page_query_facts(const struct page_query *query, struct page_facts *ret)
{
    ret->domain = query->domain;
    ret->path = query->path;
    ret->referrer = query->referrer;
    ret->keyword_count = query->keyword_count;
    for (unsigned i = 0; i < query->keyword_count; i++)
        ret->keywords[i] = query->keywords[i];
    ret->key_value_count = query->kv_count;
    for (unsigned i = 0; i < query->kv_count; i++)
        ret->key_values[i] = query->kv[i];
}
