#include "unit/store/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "net/loop.h"
#include "store/catalog_file.h"
#include "store/catalog_keeper.h"

#define ENTRIES (8 * KEEPER_SLICE)

struct bench {
    struct loop *loop;
    struct loop_timer *turns;
    struct catalog_entries *entries;
    struct catalog_keeper *keeper;
    char folder[64], path[80], obstacle[112];
    unsigned turn;
    bool meddles; /* entries come and go while it copies */
};

static struct slice name_of(unsigned i, char to[16])
{
    (void)snprintf(to, 16, "c%u", i);
    return slice_cstr(to);
}

/* As HGETALL's answer would be laid out: one field, `slots`. */
static void put(struct catalog_entries *entries, unsigned i, const char *slots)
{
    char name[16], raw[64];
    size_t len = strlen(slots);
    struct slice id = name_of(i, name);
    struct catalog_entry *entry = catalog_entries_find(entries, RECORD_CAMPAIGN, id);
    memcpy(raw, "\5\0\0\0\0\0\0\0slots", 13);
    raw[4] = (char)len;
    memcpy(raw + 13, slots, len);
    entry = entry ? entry : catalog_entries_add(entries, RECORD_CAMPAIGN, id);
    assert_true(catalog_entry_set(entry, slice_of(raw, 13 + len)));
}

static void take(struct bench *bench, unsigned i)
{
    char name[16];
    struct catalog_entry *entry =
        catalog_entries_find(bench->entries, RECORD_CAMPAIGN, name_of(i, name));
    assert_non_null(entry);
    catalog_entry_remove(entry);
}

static int set_up(void **state)
{
    struct bench *bench = check_calloc(1, sizeof *bench);
    bench->loop = loop_new();
    bench->entries = catalog_entries_new(NULL, NULL, NULL, NULL);
    (void)snprintf(bench->folder, sizeof bench->folder, "/tmp/masthead-keeper-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    (void)snprintf(bench->path, sizeof bench->path, "%s/catalog", bench->folder);
    bench->keeper = catalog_keeper_new(&(struct catalog_keeper_config){.loop = bench->loop,
                                                                       .clock = &clock_system,
                                                                       .path = bench->path,
                                                                       .prefix = SLICE("ad:"),
                                                                       .entries = bench->entries});
    for (unsigned i = 0; i < ENTRIES; i++)
        put(bench->entries, i, "*");
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    catalog_keeper_free(bench->keeper);
    catalog_entries_free(bench->entries);
    loop_timer_free(bench->turns);
    loop_free(bench->loop);
    (void)unlink(bench->path);
    assert_int_equal(rmdir(bench->folder), 0); /* nothing else was left there */
    free(bench);
    return 0;
}

static void load(enum record_kind kind, struct slice id, struct slice raw, void *arg)
{
    struct catalog_entry *entry = catalog_entries_find(arg, kind, id);
    (void)catalog_entry_set(entry ? entry : catalog_entries_add(arg, kind, id), raw);
}

/* What stands on disk; NULL as long as nothing does. */
static struct catalog_entries *read_back(const struct bench *bench)
{
    struct catalog_entries *entries = catalog_entries_new(NULL, NULL, NULL, NULL);
    struct err err = {0};
    bool absent = false;
    if (catalog_file_read(bench->path, SLICE("ad:"), load, entries, &absent, &err))
        return entries;
    assert_true(absent);
    catalog_entries_free(entries);
    return NULL;
}

static bool file_is_there(const struct bench *bench)
{
    struct stat now;
    return stat(bench->path, &now) == 0;
}

/* In each turn, which may be one in which it copies: the oldest goes, another comes. */
static void on_meddle(void *arg)
{
    struct bench *bench = arg;
    if (file_is_there(bench)) {
        loop_stop(bench->loop);
        return;
    }
    if (bench->meddles && bench->turn < ENTRIES / 2) {
        take(bench, bench->turn);
        put(bench->entries, ENTRIES + bench->turn, "*");
    }
    bench->turn++;
    loop_timer_set(bench->turns, 0);
}

/* Begins to meddle once CATALOG_PERSIST_MS are over, and with them the first turn of the copy. */
static void run_until_kept(struct bench *bench, bool meddles)
{
    bench->meddles = meddles;
    bench->turns = loop_timer_new(bench->loop, on_meddle, bench);
    loop_timer_set(bench->turns, CATALOG_PERSIST_MS * US_PER_MS);
    catalog_keeper_changed(bench->keeper);
    loop_run(bench->loop);
}

static void what_is_kept_is_what_there_is(void **state)
{
    struct bench *bench = *state;
    run_until_kept(bench, false);
    struct catalog_entries *kept = read_back(bench);
    assert_non_null(kept);
    assert_int_equal(catalog_entries_count(kept, RECORD_CAMPAIGN), ENTRIES);
    assert_true(catalog_entries_revision(kept) == catalog_entries_revision(bench->entries));
    catalog_entries_free(kept);
}

/* It goes on in many turns; whoever was there all the time is in the file. */
static void who_stays_is_kept_whoever_comes_and_goes_meanwhile(void **state)
{
    struct bench *bench = *state;
    char name[16];
    run_until_kept(bench, true);
    assert_true(bench->turn >= ENTRIES / KEEPER_SLICE);
    struct catalog_entries *kept = read_back(bench);
    assert_non_null(kept);
    unsigned gone = bench->turn < ENTRIES / 2 ? bench->turn : ENTRIES / 2;
    for (unsigned i = gone; i < ENTRIES; i++)
        assert_non_null(catalog_entries_find(kept, RECORD_CAMPAIGN, name_of(i, name)));
    assert_true(catalog_entries_count(kept, RECORD_CAMPAIGN) <= ENTRIES + gone);
    catalog_entries_free(kept);
}

static void on_mend(void *arg)
{
    struct bench *bench = arg;
    assert_false(file_is_there(bench));
    assert_int_equal(rmdir(bench->obstacle), 0);
}

static bool is_kept(void *arg)
{
    return file_is_there(arg);
}

/* Nothing changes meanwhile. */
static void a_disk_that_refuses_is_tried_again(void **state)
{
    struct bench *bench = *state;
    (void)snprintf(bench->obstacle, sizeof bench->obstacle, "%s.%d.new", bench->path,
                   (int)getpid()); /* where it writes: no file can be opened there now */
    assert_int_equal(mkdir(bench->obstacle, 0700), 0);
    bench->turns = loop_timer_new(bench->loop, on_mend, bench);
    loop_timer_set(bench->turns, (CATALOG_PERSIST_MS + KEEPER_RETRY_MS / 2) * US_PER_MS);
    log_setup(LOG_ERROR + 1, LOG_LOGFMT); /* it says so; that is not for this screen */
    catalog_keeper_changed(bench->keeper);
    run_until(bench->loop, is_kept, bench, PATIENCE_MS);
    log_setup(LOG_INFO, LOG_LOGFMT);
    struct catalog_entries *kept = read_back(bench);
    assert_non_null(kept);
    assert_true(catalog_entries_revision(kept) == catalog_entries_revision(bench->entries));
    catalog_entries_free(kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_kept_is_what_there_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_stays_is_kept_whoever_comes_and_goes_meanwhile, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_disk_that_refuses_is_tried_again, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
