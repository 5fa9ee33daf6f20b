/*
 * Any text as the file of `adctl import`: it is refused with a place and a reason in printable
 * ASCII that says what is allowed, or its entries pass the servers' rules, no id stands twice, and
 * what export makes of them is read the same and written the same again.
 */
#include <stdlib.h>

#include "base/check.h"
#include "ctl/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_printable(const char *text)
{
    CHECK(*text != '\0');
    for (; *text; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

static void check_refusal(const struct mistakes *mistakes)
{
    CHECK(mistakes->count > 0);
    for (unsigned i = 0; i < mistakes->count && i < MISTAKES_MAX; i++) {
        check_printable(mistakes->item[i].where);
        check_printable(mistakes->item[i].text);
        CHECK(strstr(mistakes->item[i].text, "; allowed:") != NULL);
    }
}

static void check_entries(const struct document *document)
{
    struct err err;
    for (unsigned i = 0; i < document->count; i++) {
        const struct entry *entry = &document->entries[i];
        const struct record record = {entry->kind, entry->id, entry->fields, entry->count};
        CHECK(record_check(&record, &err));
        CHECK(entry->count > 0);
        for (unsigned field = 0; field < entry->count; field++)
            CHECK(entry->fields[field].value.len > 0);
    }
}

static void sort_entries(struct document *document)
{
    if (document->count > 0)
        qsort(document->entries, document->count, sizeof *document->entries, entry_compare);
    for (unsigned i = 1; i < document->count; i++)
        CHECK(entry_compare(&document->entries[i - 1], &document->entries[i]) < 0);
}

static void refuse_difference(struct slice name, struct slice before, struct slice after, void *arg)
{
    (void)name;
    (void)before;
    (void)after;
    (void)arg;
    abort();
}

static void check_same(const struct document *a, const struct document *b)
{
    CHECK(a->count == b->count);
    for (unsigned i = 0; i < a->count; i++) {
        CHECK(entry_compare(&a->entries[i], &b->entries[i]) == 0);
        entry_differences(&a->entries[i], &b->entries[i], refuse_difference, NULL);
    }
}

struct text {
    char *ptr;
    size_t len;
};

static struct text write_document(const struct document *document)
{
    struct text text = {NULL, 0};
    struct mistakes mistakes = {NULL, 0};
    FILE *to = open_memstream(&text.ptr, &text.len);
    CHECK(to != NULL);
    document_write(document->entries, document->count, to, &mistakes);
    CHECK(fclose(to) == 0);
    CHECK(mistakes.count == 0);
    mistakes_release(&mistakes);
    return text;
}

static void check_round_trip(struct document *document, struct arena *arena)
{
    struct document again;
    struct mistakes mistakes = {NULL, 0};
    sort_entries(document);
    struct text first = write_document(document);
    CHECK(document_read(slice_of(first.ptr, first.len), "again", arena, &again, &mistakes));
    sort_entries(&again);
    check_same(document, &again);
    struct text second = write_document(&again);
    CHECK(first.len == second.len && memcmp(first.ptr, second.ptr, first.len) == 0);
    free(first.ptr);
    free(second.ptr);
    mistakes_release(&mistakes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct mistakes mistakes = {NULL, 0};
    struct document document;
    struct slice text = slice_of((const char *)data, size);
    if (document_read(text, "FILE", arena, &document, &mistakes)) {
        CHECK(mistakes.count == 0);
        check_entries(&document);
        check_round_trip(&document, arena);
    } else {
        check_refusal(&mistakes);
    }
    mistakes_release(&mistakes);
    arena_free(arena);
    return 0;
}
