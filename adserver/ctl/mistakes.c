#include "ctl/mistakes.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/check.h"

void mistakes_release(struct mistakes *mistakes)
{
    free(mistakes->item);
    *mistakes = (struct mistakes){NULL, 0};
}

static bool is_told(const struct mistakes *mistakes, const char *where)
{
    for (unsigned i = 0; i < mistakes->count && i < MISTAKES_MAX; i++) {
        if (strcmp(mistakes->item[i].where, where) == 0)
            return true;
    }
    return false;
}

bool mistakes_add(struct mistakes *mistakes, const struct err *err)
{
    if (err->where[0] && is_told(mistakes, err->where))
        return false;
    if (!mistakes->item)
        mistakes->item = check_calloc(MISTAKES_MAX, sizeof *mistakes->item);
    if (mistakes->count < MISTAKES_MAX)
        mistakes->item[mistakes->count] = *err;
    mistakes->count++;
    return false;
}

bool mistakes_addf(struct mistakes *mistakes, const char *where, const char *format, ...)
{
    struct err err;
    va_list args;
    (void)err_at(&err, "%s", where);
    va_start(args, format);
    (void)vsnprintf(err.text, sizeof err.text, format, args);
    va_end(args);
    return mistakes_add(mistakes, &err);
}

void mistakes_print(const struct mistakes *mistakes, FILE *to)
{
    for (unsigned i = 0; i < mistakes->count && i < MISTAKES_MAX; i++) {
        const struct err *err = &mistakes->item[i];
        fprintf(to, "adctl: %s%s%s\n", err->where, err->where[0] ? ": " : "", err->text);
    }
    if (mistakes->count > MISTAKES_MAX)
        fprintf(to, "adctl: and %u more mistakes\n", mistakes->count - MISTAKES_MAX);
}
