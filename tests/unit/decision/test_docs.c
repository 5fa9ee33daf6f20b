/* docs/ names every field and every reason: a new row without a word for people fails here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "decision/reasons.h"
#include "decision/record.h"

#define DOCUMENT_MAX (1024 * 1024)

static void read_document(const char *path, struct strbuf *ret)
{
    char part[4096];
    size_t got;
    FILE *file = fopen(path, "r");
    if (!file)
        fail_msg("%s is not here; tests run in the project's top folder", path);
    strbuf_init(ret, DOCUMENT_MAX);
    while ((got = fread(part, 1, sizeof(part), file)) > 0)
        strbuf_add(ret, part, got);
    assert_int_equal(fclose(file), 0);
    assert_false(ret->overflowed);
}

/* `before`, the word, `after`: as they stand in the document. */
static void assert_names(const struct strbuf *document, const char *before, const char *word,
                         const char *after)
{
    char wanted[512];
    (void)snprintf(wanted, sizeof(wanted), "%s%s%s", before, word, after);
    if (!strstr(strbuf_cstr(document), wanted))
        fail_msg("the docs do not say %s", wanted);
}

static void test_fields(void **state)
{
    struct strbuf document;
    (void)state;
    read_document("docs/campaigns.md", &document);
    for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        unsigned count;
        const struct record_form_row *rows = record_forms((enum record_kind)kind, &count);
        for (unsigned i = 0; i < count; i++) {
            assert_names(&document, "| `", rows[i].name, "");
            assert_names(&document, "", rows[i].allowed, "");
        }
    }
    strbuf_release(&document);
}

static void test_reasons(void **state)
{
    struct strbuf document;
    (void)state;
    read_document("docs/operating.md", &document);
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        assert_names(&document, "| `", reason_rows[i].word, "` |");
        assert_names(&document, "", reason_rows[i].help, "");
    }
    strbuf_release(&document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
