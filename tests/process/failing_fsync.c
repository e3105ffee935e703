/* Preloaded into the gateway: while the file named by FSYNC_FAILS_WHILE exists, two of three fsync and fdatasync calls
 * fail with EIO. Every other one of those has reached the disk all the same, as nobody can know of a real one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_uint calls;

static int call(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *file = getenv("FSYNC_FAILS_WHILE");

    if (file == NULL || access(file, F_OK) != 0)
        return real(fd);
    unsigned turn = atomic_fetch_add(&calls, 1) % 6;
    if (turn % 3 == 2)
        return real(fd);
    if (turn < 3)
        (void)real(fd);
    errno = EIO;
    return -1;
}

int fsync(int fd)
{
    return call("fsync", fd);
}

int fdatasync(int fd)
{
    return call("fdatasync", fd);
}
