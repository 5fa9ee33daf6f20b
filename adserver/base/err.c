#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

#define QUOTE_BYTES 64 /* of the text, before escaping */
#define QUOTES_LIVE 4

bool err_set(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

bool err_at(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->where, sizeof err->where, format, args);
    va_end(args);
    return false;
}

const char *err_quote(struct slice s)
{
    static _Thread_local char quotes[QUOTES_LIVE][QUOTE_BYTES * sizeof "\\xNN"];
    static _Thread_local unsigned turn;
    static const char hex[] = "0123456789abcdef";

    char *quote = quotes[turn++ % QUOTES_LIVE];
    char *to = quote;
    for (size_t i = 0; i < s.len && i < QUOTE_BYTES; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];
        if (byte >= 0x20 && byte < 0x7f) {
            *to++ = (char)byte;
            continue;
        }
        *to++ = '\\';
        *to++ = 'x';
        *to++ = hex[byte >> 4];
        *to++ = hex[byte & 15];
    }
    *to = '\0';
    return quote;
}
