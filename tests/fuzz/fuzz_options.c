/*
 * Any text as a configuration file: it is refused with a place and a reason in printable ASCII, or
 * it loads, and what was read, written out again, is read the same.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/options_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct options *load(struct slice text, struct err *err)
{
    char path[64];
    int fd = memfd_create("options", MFD_CLOEXEC);
    CHECK(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct options *options = options_load(path, NULL, NULL, 0, err);
    CHECK(close(fd) == 0);
    return options;
}

static void check_printable(const char *text)
{
    CHECK(*text != '\0');
    for (; *text; text++)
        CHECK(*text >= 0x20 && *text < 0x7f);
}

static void write_out(struct strbuf *to, const struct options *options)
{
    for (const struct options_row *option = options_table; option < options_table + OPTION_COUNT;
         option++) {
        const void *member = (const char *)options + option->offset;
        struct slice words = slice_cstr(option->choices);
        struct slice word;
        strbuf_addf(to, "[%s]\n%s = ", option->section, option->key);
        if (option->kind == OPTION_KIND_TEXT)
            strbuf_addf(to, "%s\n", *(char *const *)member);
        else if (option->kind == OPTION_KIND_NUMBER)
            strbuf_addf(to, "%jd\n", (intmax_t) * (const int64_t *)member);
        else if (option->kind == OPTION_KIND_DURATION)
            strbuf_addf(to, "%jdms\n", (intmax_t) * (const int64_t *)member);
        for (int i = 0; slice_next(&words, '|', &word); i++) {
            if (i == *(const int *)member)
                strbuf_addf(to, "%.*s\n", SLICE_ARGS(word));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {"", ""};
    struct options *options = load(slice_of((const char *)data, size), &err);
    if (!options) {
        check_printable(err.where);
        check_printable(err.text);
        return 0;
    }
    struct strbuf first, second;
    strbuf_init(&first, OPTIONS_FILE_MAX);
    strbuf_init(&second, OPTIONS_FILE_MAX);
    write_out(&first, options);
    struct options *again = load(strbuf_slice(&first), &err);
    CHECK(again != NULL);
    write_out(&second, again);
    CHECK(slice_eq(strbuf_slice(&first), strbuf_slice(&second)));
    strbuf_release(&first);
    strbuf_release(&second);
    options_free(options);
    options_free(again);
    return 0;
}
