/*
 * value: one field's text as it stands in a hash, and the forms it has elsewhere.
 */
#ifndef CTL_VALUE_H
#define CTL_VALUE_H

#include "base/strbuf.h"
#include "decision/record.h"

/*
 * Whether both mean the same: lists by their items, without the blanks around them; numbers by
 * their value ("3.20" and "3.2"); texts by their bytes.
 */
bool value_same(enum record_form form, struct slice a, struct slice b);

/*
 * The text as a JSON value: a list as an array of strings, a number as a number, all others as a
 * string. A number of more digits than a JSON reader keeps, or what is no number at all, is written
 * as a string. False, with `to` as it was, for what is not UTF-8.
 */
#define VALUE_DIGITS_MAX 15 /* decimal digits that survive a double, IEEE 754 */
bool value_add_json(struct strbuf *to, enum record_form form, struct slice text);

/* A JSON number's text: in decimal digits, as short as it can be and still be that number. */
#define VALUE_NUMBER_MAX 64
void value_print_number(char text[VALUE_NUMBER_MAX], double number);

#endif
