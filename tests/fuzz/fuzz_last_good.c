/*
 * Any bytes as the last good catalog on disk: it is refused, or each of its entries has a valid
 * name and a record within the limits, and a catalog can be built of what compiles.
 *
 * The first byte of the input chooses: the rest is a whole file, or all of one but its checksum,
 * which is added so that the reading behind the check is met as well.
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/strbuf.h"
#include "store/catalog_entries.h"
#include "store/catalog_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_entry(enum record_kind kind, struct slice id, struct slice raw, void *arg)
{
    struct catalog_entries *entries = arg;
    CHECK(kind < RECORD_KIND_COUNT && id_is_valid(id) && raw.len <= RAW_RECORD_MAX);
    struct catalog_entry *entry = catalog_entries_find(entries, kind, id);
    if (!entry)
        entry = catalog_entries_add(entries, kind, id);
    (void)catalog_entry_set(entry, raw);
    CHECK((entry->good != NULL) == (entry->compiled.any != NULL));
    CHECK(entry->good || entry->refusal.error);
}

/* What is good, written and read again, is the same catalog. */
static void check_comes_back(const struct catalog_entries *entries)
{
    struct catalog_entries *again = catalog_entries_new(NULL, NULL, NULL, NULL);
    struct strbuf bytes;
    struct err err;
    unsigned count = 0;
    strbuf_init(&bytes, CATALOG_FILE_MAX);
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++)
        for (unsigned i = 0; i < catalog_entries_count(entries, kind); i++)
            count += catalog_entries_at(entries, kind, i)->good != NULL;
    catalog_file_begin(&bytes, SLICE("ad:"));
    for (enum record_kind kind = 0; kind < RECORD_KIND_COUNT; kind++) {
        for (unsigned i = 0; i < catalog_entries_count(entries, kind); i++) {
            const struct catalog_entry *entry = catalog_entries_at(entries, kind, i);
            if (entry->good)
                catalog_file_add(&bytes, kind, catalog_entry_id(entry),
                                 raw_record_slice(entry->good));
        }
    }
    catalog_file_end(&bytes, SLICE("ad:"), count);
    catalog_file_seal(&bytes);
    CHECK(catalog_file_decode(strbuf_slice(&bytes), SLICE("ad:"), on_entry, again, &err));
    CHECK(catalog_entries_revision(again) == catalog_entries_revision(entries));
    catalog_entries_free(again);
    strbuf_release(&bytes);
}

static void try_file(struct slice bytes)
{
    struct catalog_entries *entries = catalog_entries_new(NULL, NULL, NULL, NULL);
    struct err err = {0};
    if (catalog_file_decode(bytes, SLICE("ad:"), on_entry, entries, &err)) {
        struct catalog *catalog = catalog_new();
        catalog_entries_fill(entries, catalog);
        catalog_free(catalog);
        check_comes_back(entries);
    } else {
        CHECK(err.text[0] != '\0');
    }
    catalog_entries_free(entries);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf bytes;
    if (size == 0)
        return 0;
    strbuf_init(&bytes, CATALOG_FILE_MAX);
    strbuf_add(&bytes, data + 1, size - 1);
    if (data[0] % 2 == 0)
        catalog_file_seal(&bytes);
    try_file(strbuf_slice(&bytes));
    strbuf_release(&bytes);
    return 0;
}
