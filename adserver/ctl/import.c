#include "ctl/command.h"

#include <errno.h>

#include "base/strbuf.h"
#include "ctl/change.h"
#include "ctl/document.h"

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

/* `-` is standard input. `name` is the path for messages. */
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

/* Each object of the file is its entry whole, so it is what the entry becomes. */
static bool plan(struct tool *tool, void *arg, struct changes *ret)
{
    const struct document *document = arg;
    struct entry *before = arena_new_array(tool->arena, struct entry, document->count);
    for (unsigned i = 0; i < document->count; i++) {
        before[i].kind = document->entries[i].kind;
        before[i].id = document->entries[i].id;
    }
    if (!hashes_read(tool, before, document->count))
        return false;
    ret->item = arena_new_array(tool->arena, struct change, document->count);
    ret->count = document->count;
    for (unsigned i = 0; i < document->count; i++)
        ret->item[i] = (struct change){&before[i], &document->entries[i]};
    return true;
}

enum tool_result command_import(struct tool *tool, const struct call *call)
{
    const char *path = call->args[0];
    const char *name = arena_copy(tool->arena, slice_cstr(err_quote(slice_cstr(path)))).ptr;
    struct document document;
    struct strbuf text;
    strbuf_init(&text, DOCUMENT_BYTES_MAX);
    bool good = read_file(tool, path, name, &text) &&
                document_read(strbuf_slice(&text), name, tool->arena, &document, &tool->mistakes);
    strbuf_release(&text);
    return good ? change_run(tool, plan, &document, call->flags & FLAG_DRY_RUN) : TOOL_REFUSED;
}
