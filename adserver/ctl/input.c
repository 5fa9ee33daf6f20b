#include "ctl/input.h"

#include <errno.h>

#include "base/strbuf.h"

static bool read_stream(struct tool *tool, FILE *file, const char *name, struct strbuf *text)
{
    char chunk[65536];
    size_t got;
    while (!text->overflowed && (got = fread(chunk, 1, sizeof chunk, file)) > 0)
        strbuf_add(text, chunk, got);
    if (text->overflowed)
        return tool_refuse(tool, name, "it is larger than allowed; allowed: %d bytes",
                           DOCUMENT_BYTES_MAX);
    if (ferror(file))
        return tool_refuse(tool, name, "cannot be read: %s", strerror(errno));
    return true;
}

static bool read_file(struct tool *tool, const char *path, const char *name, struct strbuf *text)
{
    if (strcmp(path, "-") == 0)
        return read_stream(tool, stdin, name, text);
    FILE *file = fopen(path, "re");
    if (!file)
        return tool_refuse(tool, name,
                           "cannot be read: %s; allowed: a file, or - for standard "
                           "input",
                           strerror(errno));
    bool good = read_stream(tool, file, name, text);
    (void)fclose(file);
    return good;
}

const char *input_name(struct tool *tool, const char *path)
{
    return arena_copy(tool->arena, slice_cstr(err_quote(slice_cstr(path)))).ptr;
}

bool input_read_document(struct tool *tool, const char *path, struct document *ret)
{
    const char *name = input_name(tool, path);
    struct strbuf text;
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    bool good = read_file(tool, path, name, &text) &&
                document_read(strbuf_slice(&text), name, tool->arena, ret, &tool->mistakes);
    strbuf_release(&text);
    return good;
}
