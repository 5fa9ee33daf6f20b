#include "decision/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "decision/text.h"

#define ZONE_FOLDER   "/usr/share/zoneinfo/"
#define ZONE_PATH_MAX (sizeof ZONE_FOLDER + ZONE_NAME_MAX)

/* Clocks are never further from UTC than this, in either direction. */
#define OFFSET_MAX_S (16 * 3600)

static bool is_utc(struct slice name)
{
    return slice_eq(name, SLICE("UTC"));
}

static bool name_is_safe(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!is_digit(c) && !is_upper(c) && !is_lower(c) && !memchr("_+/-", c, 4))
            return false;
    }
    return name.len >= 1 && name.len <= ZONE_NAME_MAX && name.ptr[0] != '/';
}

/*
 * Files of the database that are no zones by their own name: copies by another reckoning (right/
 * counts leap seconds) and the machine's own choice.
 */
static bool is_alias_file(struct slice name)
{
    return slice_starts(name, SLICE("right/")) || slice_starts(name, SLICE("posix/")) ||
           slice_eq(name, SLICE("localtime")) || slice_eq(name, SLICE("posixrules"));
}

static bool is_zone_file(const char *path)
{
    char magic[4] = {0};
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(magic, 1, sizeof magic, file);
    (void)fclose(file);
    return got == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

bool zone_exists(struct slice name)
{
    char path[ZONE_PATH_MAX];
    if (is_utc(name))
        return true;
    if (!name_is_safe(name) || is_alias_file(name))
        return false;
    (void)snprintf(path, sizeof path, ZONE_FOLDER "%.*s", SLICE_ARGS(name));
    return is_zone_file(path);
}

/* Makes it the process's zone; returns the TZ that was set before, for leave(). */
static char *enter(struct slice name)
{
    char path[1 + ZONE_PATH_MAX];
    const char *before = getenv("TZ");
    char *kept = before ? check_strdup(before) : NULL;
    (void)snprintf(path, sizeof path, ":" ZONE_FOLDER "%.*s", SLICE_ARGS(name));
    CHECK(setenv("TZ", path, 1) == 0);
    tzset();
    return kept;
}

static void leave(char *kept)
{
    CHECK((kept ? setenv("TZ", kept, 1) : unsetenv("TZ")) == 0);
    tzset();
    free(kept);
}

/* Seconds that clocks are ahead of UTC at that moment. */
static int64_t offset_at(int64_t utc_s)
{
    struct tm local;
    time_t moment = (time_t)utc_s;
    CHECK(localtime_r(&moment, &local) != NULL);
    return local.tm_gmtoff;
}

/* The first second in (from, to] whose offset is not the one at `from`. */
static int64_t find_change(int64_t from, int64_t to)
{
    int64_t before = offset_at(from);
    while (to - from > 1) {
        int64_t middle = from + (to - from) / 2;
        if (offset_at(middle) == before)
            from = middle;
        else
            to = middle;
    }
    return to;
}

/* Clocks change at most once in so short a time as the one that is looked at here. */
static int64_t first_moment_of(int64_t local_s)
{
    int64_t from = local_s - OFFSET_MAX_S, to = local_s + OFFSET_MAX_S;
    int64_t old_offset = offset_at(from), new_offset = offset_at(to);
    if (old_offset == new_offset)
        return local_s - old_offset;
    int64_t change = find_change(from, to);
    if (local_s - old_offset < change)
        return local_s - old_offset;
    int64_t moment = local_s - new_offset;
    return moment > change ? moment : change;
}

int64_t zone_to_utc(struct slice name, int64_t local_s)
{
    if (is_utc(name))
        return local_s;
    char *kept = enter(name);
    int64_t moment = first_moment_of(local_s);
    leave(kept);
    return moment;
}
