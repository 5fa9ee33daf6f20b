#include "decision/pcre.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/check.h"

#define MESSAGE_MAX 128

struct pcre {
    pcre2_code *code;
};

/* What all of them match with: the limits, and room for where it matched, which nobody asks. */
struct scratch {
    pcre2_match_context *limits;
    pcre2_match_data *found;
};

static const struct scratch *scratch_get(void)
{
    static struct scratch scratch;
    if (scratch.found)
        return &scratch;
    scratch.limits = pcre2_match_context_create(NULL);
    scratch.found = pcre2_match_data_create(1, NULL);
    CHECK(scratch.limits && scratch.found);
    CHECK(pcre2_set_match_limit(scratch.limits, PCRE_MATCH_LIMIT) == 0);
    CHECK(pcre2_set_heap_limit(scratch.limits, PCRE_HEAP_KIB) == 0);
    return &scratch;
}

static struct pcre *refuse(struct err *err, int code, size_t offset)
{
    PCRE2_UCHAR text[MESSAGE_MAX] = "no reason known";
    (void)pcre2_get_error_message(code, text, sizeof text);
    (void)err_set(err, "no pattern at its character %zu: %s; allowed is a PCRE", offset + 1,
                  (const char *)text);
    return NULL;
}

struct pcre *pcre_new(struct slice pattern, bool any_case, struct err *err)
{
    uint32_t options = PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_UTF |
                       PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C | (any_case ? PCRE2_CASELESS : 0);
    int code;
    size_t offset;
    if (pattern.len > PCRE_PATTERN_MAX) {
        (void)err_set(err, "a pattern of %zu bytes, allowed are %d", pattern.len, PCRE_PATTERN_MAX);
        return NULL;
    }
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)(pattern.len ? pattern.ptr : ""), pattern.len,
                                         options, &code, &offset, NULL);
    if (!compiled)
        return refuse(err, code, offset);
    (void)pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE); /* or interpreted */
    struct pcre *pcre = check_malloc(sizeof *pcre);
    pcre->code = compiled;
    return pcre;
}

void pcre_free(struct pcre *pcre)
{
    if (!pcre)
        return;
    pcre2_code_free(pcre->code);
    free(pcre);
}

bool pcre_matches(const struct pcre *pcre, struct slice text)
{
    const struct scratch *scratch = scratch_get();
    return pcre2_match(pcre->code, (PCRE2_SPTR)(text.len ? text.ptr : ""), text.len, 0, 0,
                       scratch->found, scratch->limits) >= 0;
}

size_t pcre_size(const struct pcre *pcre)
{
    size_t size = 0, jit_size = 0;
    (void)pcre2_pattern_info(pcre->code, PCRE2_INFO_SIZE, &size);
    (void)pcre2_pattern_info(pcre->code, PCRE2_INFO_JITSIZE, &jit_size);
    return size + jit_size;
}
