#include "store/crawler_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

static bool check_file(int fd, const char *path, struct err *err)
{
    struct stat found;
    if (fstat(fd, &found) != 0)
        return err_set(err, "%s cannot be looked at: %s", path, strerror(errno));
    return S_ISREG(found.st_mode) || err_set(err, "%s is not a regular file", path);
}

/* All of it into `text`; one byte more than is allowed is enough to see that it is too much. */
static bool read_all(int fd, const char *path, char *text, size_t *ret_len, struct err *err)
{
    size_t len = 0;
    ssize_t got;
    while (len < CRAWLER_LIST_BYTES_MAX + 1 &&
           (got = read(fd, text + len, CRAWLER_LIST_BYTES_MAX + 1 - len)) != 0) {
        if (got < 0)
            return err_set(err, "%s cannot be read: %s", path, strerror(errno));
        len += (size_t)got;
    }
    *ret_len = len;
    return true;
}

static struct crawler_list *parse(const char *text, size_t len, const char *path, struct err *err)
{
    struct err found = {"", ""};
    struct crawler_list *list = crawler_list_parse(slice_of(text, len), path, &found);
    if (!list)
        (void)err_set(err, "%s: %s", found.where, found.text);
    return list;
}

struct crawler_list *crawler_file_read(const char *path, struct err *err)
{
    struct crawler_list *list = NULL;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        (void)err_set(err, "%s cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    char *text = check_malloc(CRAWLER_LIST_BYTES_MAX + 1);
    if (check_file(fd, path, err) && read_all(fd, path, text, &len, err))
        list = parse(text, len, path, err);
    free(text);
    (void)close(fd);
    return list;
}
