#include "decision/text.h"

#include "base/utf8.h"

#define HOST_LABEL_MAX 63

static bool is_control(uint32_t code_point)
{
    return code_point < 0x20 || (code_point >= 0x7f && code_point < 0xa0);
}

static bool is_line_control(uint32_t code_point)
{
    return code_point == '\t' || code_point == '\n' || code_point == '\r';
}

bool text_is_clean(struct slice text, enum text_form form, struct err *err)
{
    for (size_t at = 0; at < text.len;) {
        uint32_t code_point;
        size_t len = utf8_decode(slice_from(text, at), &code_point);
        if (len == 0)
            return err_set(err, "byte %zu is not UTF-8", at + 1);
        bool fine = form == TEXT_LINES && is_line_control(code_point);
        if (is_control(code_point) && !fine)
            return err_set(err, "byte %zu begins a control character, U+%04X", at + 1, code_point);
        at += len;
    }
    return true;
}

bool label_is_valid(struct slice label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!is_digit(c) && !is_upper(c) && !is_lower(c) && c != '_' && c != '.' && c != '-')
            return false;
    }
    return label.len >= 1 && label.len <= LABEL_MAX;
}

static bool host_label_is_valid(struct slice label)
{
    if (label.len < 1 || label.len > HOST_LABEL_MAX)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        if (!is_digit(label.ptr[i]) && !is_lower(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    }
    return label.ptr[0] != '-' && label.ptr[label.len - 1] != '-';
}

bool host_is_valid(struct slice host)
{
    if (host.len < 1 || host.len > HOST_MAX)
        return false;
    struct slice label;
    while (slice_next(&host, '.', &label)) {
        if (!host_label_is_valid(label))
            return false;
    }
    return true;
}

bool host_is_within(struct slice host, struct slice name)
{
    if (host.len == name.len)
        return slice_eq(host, name);
    return host.len > name.len && host.ptr[host.len - name.len - 1] == '.' &&
           slice_ends(host, name);
}

bool word_find(struct slice text, const char *const *words, unsigned *ret_position)
{
    for (unsigned i = 0; words[i]; i++) {
        if (slice_eq(text, slice_cstr(words[i]))) {
            *ret_position = i;
            return true;
        }
    }
    return false;
}
