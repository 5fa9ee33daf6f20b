/*
 * mistakes: what adctl refuses and why, collected so that all of it is told at once.
 */
#ifndef CTL_MISTAKES_H
#define CTL_MISTAKES_H

#include <stdio.h>

#include "base/err.h"

#define MISTAKES_MAX 100 /* told one by one; more are only counted */

struct mistakes {
    struct err *item; /* owned; the first MISTAKES_MAX */
    unsigned count;   /* of all */
};

/* All zero is an empty collection. */
void mistakes_release(struct mistakes *mistakes);

/* A place is told once: a second mistake there is dropped. Always returns false, for `return`. */
bool mistakes_add(struct mistakes *mistakes, const struct err *err);

/* `where` is taken as it is; the text comes from the format. Always returns false. */
bool mistakes_addf(struct mistakes *mistakes, const char *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line each, "adctl: where: what is wrong, what is allowed", and how many more there are. */
void mistakes_print(const struct mistakes *mistakes, FILE *to);

#endif
