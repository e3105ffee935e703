/* Preloaded: while the file named by READ_ONLY_WHILE exists, the file system under the database is as the kernel leaves
   it after an error, mounted read-only: writes and opens for writing fail with EROFS. Built by the test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_read_only(void) {
  const char *flag = getenv("READ_ONLY_WHILE");
  return flag && access(flag, F_OK) == 0;
}

static int is_database(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, "cellpost.db") != NULL;
}

#define WRITES(name, offset_type)                                                        \
  ssize_t name(int fd, const void *from, size_t count, offset_type at) {                 \
    static ssize_t (*real)(int, const void *, size_t, offset_type);                      \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                           \
    if (is_read_only() && is_database(fd)) { errno = EROFS; return -1; }                 \
    return real(fd, from, count, at);                                                    \
  }
WRITES(pwrite, off_t)
WRITES(pwrite64, off64_t)

#define OPENS(name)                                                                      \
  int name(const char *path, int flags, ...) {                                           \
    static int (*real)(const char *, int, ...);                                          \
    if (!real) real = dlsym(RTLD_NEXT, #name);                                           \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    int mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, int) : 0;                  \
    va_end(rest);                                                                        \
    int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT);                   \
    if (writes && strstr(path, "cellpost.db") && is_read_only()) {                       \
      errno = EROFS;                                                                     \
      return -1;                                                                         \
    }                                                                                    \
    return real(path, flags, mode);                                                      \
  }
OPENS(open)
OPENS(open64)
