#include "decision/targeting.h"

#include "decision/targeting_layout.h"
#include "decision/text.h"

#define HOST_LABELS_MAX 127 /* of a valid host name */

/* ---- Keys ------------------------------------------------------------------------------------ */

/* FNV-1a. `seed` keeps the fields' keys apart. */
static uint64_t hash_begin(enum section_kind seed)
{
    return (UINT64_C(14695981039346656037) ^ seed) * UINT64_C(1099511628211);
}

static uint64_t hash_add(uint64_t hash, struct slice text, bool folded)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (folded && is_upper(c))
            c = (char)(c - 'A' + 'a');
        hash = (hash ^ (unsigned char)c) * UINT64_C(1099511628211);
    }
    return hash;
}

/* Spreads what the last bytes say over all bits; never 0. */
static uint64_t hash_end(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    return hash ? hash : 1;
}

static uint64_t key_of(enum section_kind kind, struct slice text)
{
    return hash_end(
        hash_add(hash_begin(kind), text, kind == SECTION_KEYWORD || kind == SECTION_LANGUAGE));
}

static uint64_t pair_key(struct slice name, struct slice value)
{
    uint64_t hash = hash_add(hash_begin(SECTION_KV), name, false);
    return hash_end(hash_add(hash_add(hash, SLICE("="), false), value, false));
}

static struct slice primary_subtag(struct slice language)
{
    return slice_of(language.ptr, slice_find(language, '-'));
}

/* What stands between the first and the second slash. */
static struct slice first_segment(struct slice path)
{
    struct slice rest = slice_from(path, 1);
    return slice_of(rest.ptr, slice_find(rest, '/'));
}

/* ---- A campaign's ---------------------------------------------------------------------------- */

/* The include texts of a section; `*ret_name` is a key-value's name. */
static const char *includes_of(const struct section *section, struct slice *ret_name)
{
    const char *at = section_payload(section);
    if (section->kind == SECTION_KV)
        *ret_name = section_text(&at);
    for (unsigned i = 0; i < section->excludes; i++)
        (void)section_text(&at);
    return at;
}

static bool begins_literally(struct slice glob)
{
    struct slice segment = first_segment(glob);
    return glob.ptr[0] == '/' && slice_find(segment, '*') == segment.len &&
           slice_find(segment, '?') == segment.len;
}

static bool all_begin_literally(const struct section *paths)
{
    struct slice none;
    const char *at = includes_of(paths, &none);
    for (unsigned i = 0; i < paths->includes; i++) {
        if (!begins_literally(section_text(&at)))
            return false;
    }
    return true;
}

/* The lower, the rarer a page that has it. */
static unsigned rank_of(const struct section *section)
{
    static const unsigned ranks[SECTION_KIND_COUNT] = {
        [SECTION_KV] = 1,       [SECTION_DOMAIN] = 2, [SECTION_KEYWORD] = 3,
        [SECTION_REFERRER] = 4, [SECTION_PATH] = 5,
    };
    unsigned rank = ranks[section->kind];
    if (section->includes == 0 || rank == 0 ||
        (section->kind == SECTION_PATH && !all_begin_literally(section)))
        return UINT32_MAX;
    return rank;
}

static const struct section *best_section(const struct targeting *targeting)
{
    const struct section *best = NULL, *section = section_first(targeting);
    unsigned best_rank = UINT32_MAX;
    for (unsigned i = 0; i < targeting->section_count; i++, section = section_next(section)) {
        unsigned rank = rank_of(section);
        if (rank >= best_rank)
            continue;
        best = section;
        best_rank = rank;
    }
    return best;
}

static uint64_t include_key(const struct section *section, struct slice name, struct slice text)
{
    if (section->kind == SECTION_KV)
        return pair_key(name, text);
    return key_of(section->kind, section->kind == SECTION_PATH ? first_segment(text) : text);
}

bool targeting_context_keys(const struct campaign *campaign, targeting_key_fn *fn, void *arg)
{
    struct slice name = {NULL, 0};
    const struct section *section = campaign->targeting ? best_section(campaign->targeting) : NULL;
    if (!section)
        return false;
    const char *at = includes_of(section, &name);
    for (unsigned i = 0; i < section->includes; i++)
        fn(include_key(section, name, section_text(&at)), arg);
    return true;
}

unsigned targeting_context_kind(const struct campaign *campaign)
{
    _Static_assert(SECTION_KIND_COUNT <= CONTEXT_KINDS, "a bit for each");
    const struct section *section = campaign->targeting ? best_section(campaign->targeting) : NULL;
    return section ? section->kind : CONTEXT_KINDS;
}

bool targeting_language_keys(const struct campaign *campaign, targeting_key_fn *fn, void *arg)
{
    const struct section *section = targeting_section(campaign, SECTION_LANGUAGE);
    struct slice none;
    if (!section || section->includes == 0)
        return false;
    const char *at = includes_of(section, &none);
    for (unsigned i = 0; i < section->includes; i++)
        fn(key_of(SECTION_LANGUAGE, primary_subtag(section_text(&at))), arg);
    return true;
}

/* ---- A page's -------------------------------------------------------------------------------- */

uint64_t page_language_key(const struct page_facts *facts)
{
    if (facts->language.len == 0)
        return 0;
    return key_of(SECTION_LANGUAGE, primary_subtag(facts->language));
}

/* Of the host and what it is below, beginning with the shortest; no rule's name has more labels. */
static unsigned host_keys(enum section_kind kind, struct slice host, uint64_t *keys)
{
    unsigned count = 0;
    for (size_t i = host.len; i > 0 && count < HOST_LABELS_MAX; i--) {
        if (i == 1 || host.ptr[i - 2] == '.')
            keys[count++] = key_of(kind, slice_from(host, i - 1));
    }
    return count;
}

static bool has_kind(uint32_t kinds, enum section_kind kind)
{
    return kinds >> kind & 1;
}

unsigned page_context_keys(const struct page_facts *facts, uint32_t kinds,
                           uint64_t keys[PAGE_CONTEXT_KEYS_MAX])
{
    unsigned count = 0;
    if (has_kind(kinds, SECTION_DOMAIN))
        count += host_keys(SECTION_DOMAIN, facts->domain, keys);
    if (has_kind(kinds, SECTION_REFERRER))
        count += host_keys(SECTION_REFERRER, facts->referrer, keys + count);
    for (unsigned i = 0; has_kind(kinds, SECTION_KEYWORD) && i < facts->keyword_count; i++)
        keys[count++] = key_of(SECTION_KEYWORD, facts->keywords[i]);
    for (unsigned i = 0; has_kind(kinds, SECTION_KV) && i < facts->key_value_count; i++)
        keys[count++] = pair_key(facts->key_values[i].name, facts->key_values[i].value);
    if (has_kind(kinds, SECTION_PATH) && facts->path.len > 0)
        keys[count++] = key_of(SECTION_PATH, first_segment(facts->path));
    return count;
}
