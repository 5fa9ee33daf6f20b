#include "store/redis_wire.h"

#define LINE_MAX_BYTES 24 /* `$`, the digits of any number, and two line ends */

static void add_line(struct strbuf *to, char type, size_t number)
{
    char line[LINE_MAX_BYTES];
    char *end = line + sizeof line;
    char *first = end;
    *--first = '\n';
    *--first = '\r';
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    *--first = type;
    strbuf_add(to, first, (size_t)(end - first));
}

void redis_wire_begin(struct strbuf *to, unsigned count)
{
    add_line(to, '*', count);
}

void redis_wire_arg(struct strbuf *to, struct slice arg)
{
    add_line(to, '$', arg.len);
    strbuf_add_slice(to, arg);
    strbuf_add(to, "\r\n", 2);
}

void redis_wire_number(struct strbuf *to, uint64_t number)
{
    char digits[LINE_MAX_BYTES];
    char *end = digits + sizeof digits;
    char *first = end;
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    redis_wire_arg(to, slice_of(first, (size_t)(end - first)));
}

void redis_wire_command(struct strbuf *to, const struct slice *args, unsigned count)
{
    redis_wire_begin(to, count);
    for (unsigned i = 0; i < count; i++)
        redis_wire_arg(to, args[i]);
}

size_t redis_wire_size(const struct slice *args, unsigned count)
{
    size_t size = LINE_MAX_BYTES;
    for (unsigned i = 0; i < count; i++)
        size += LINE_MAX_BYTES + args[i].len;
    return size;
}
