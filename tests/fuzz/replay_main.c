/*
 * replay_main: a fuzz target without libFuzzer.
 *
 * Runs the target over every file of the folders named on the command line, in order of names, so
 * that seeds and old crashers are ordinary tests. Prints each file before it is run: after a crash
 * the last line names the culprit.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (4 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what, const char *path)
{
    fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

/* The target gets an allocation of exactly the input's size, so that reading past it is seen. */
static void replay_file(const char *path)
{
    static uint8_t buffer[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("cannot open", path);
    size_t size = fread(buffer, 1, sizeof(buffer), file);
    if (ferror(file))
        fail("cannot read", path);
    fclose(file);
    uint8_t *input = malloc(size ? size : 1);
    if (!input)
        fail("no memory for", path);
    memcpy(input, buffer, size);
    LLVMFuzzerTestOneInput(input, size);
    free(input);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_input, alphasort);
    if (count < 0)
        fail("cannot read", folder);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        printf("# %s\n", path);
        fflush(stdout);
        replay_file(path);
        free(entries[i]);
    }
    free(entries);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%s: %d inputs\n", argv[0], count);
    return 0;
}
