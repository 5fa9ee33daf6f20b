/*
 * option-docs: prints what is written from the option table; scripts/option-docs puts it in place.
 *
 * Usage: option-docs sample | manual
 */
#include <stdio.h>
#include <string.h>

#include "base/options.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "sample") == 0) {
        options_print_sample(stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "manual") == 0) {
        options_print_manual(stdout);
        return 0;
    }
    fputs("usage: option-docs sample | manual\n", stderr);
    return 2;
}
