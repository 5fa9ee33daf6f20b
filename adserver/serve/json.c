#include "serve/json.h"

/* A comma is due unless the last byte opened something or named it. */
static void comma(struct strbuf *buf)
{
    char last = buf->len ? buf->ptr[buf->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':')
        strbuf_add_char(buf, ',');
}

void json_open(struct strbuf *buf, char bracket)
{
    comma(buf);
    strbuf_add_char(buf, bracket);
}

void json_close(struct strbuf *buf, char bracket)
{
    strbuf_add_char(buf, bracket);
}

void json_name_slice(struct strbuf *buf, struct slice name)
{
    comma(buf);
    strbuf_add_json(buf, name);
    strbuf_add_char(buf, ':');
}

void json_name(struct strbuf *buf, const char *name)
{
    json_name_slice(buf, slice_cstr(name));
}

void json_u64(struct strbuf *buf, const char *name, uint64_t number)
{
    json_name(buf, name);
    strbuf_add_u64(buf, number);
}

void json_bool(struct strbuf *buf, const char *name, bool value)
{
    json_name(buf, name);
    strbuf_add_cstr(buf, value ? "true" : "false");
}

void json_text(struct strbuf *buf, const char *name, struct slice text)
{
    json_name(buf, name);
    strbuf_add_json(buf, text);
}

void json_ms(struct strbuf *buf, const char *name, int64_t us)
{
    json_name(buf, name);
    strbuf_addf(buf, "%lld.%03lld", (long long)(us / 1000), (long long)(us % 1000));
}
