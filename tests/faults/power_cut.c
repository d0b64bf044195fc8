/*
 * Writes down what a program does to the files below one folder, so that a test can tell what a power cut would leave.
 *
 * It is loaded before all other libraries (LD_PRELOAD). RECORDED_FOLDER names the folder, RECORD_FILE the file
 * that it appends to. Each call goes on to the real function first. Only a call that has worked is written down.
 *
 * fsync and fdatasync are written down and do no more: the test decides what they have saved.
 *
 * A record is one letter, an offset, two lengths, and two texts of these lengths:
 *   c  a file was opened to be made       t  a file has this length now      w  bytes were written at the offset
 *   m  a folder was made                  u  a name was removed              r  a name was changed into another
 *   l  a file has got another name        f  a file or a folder was flushed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct __attribute__((packed)) head {
    char what;
    uint64_t offset;
    uint32_t first, second;
};

static const char *root, *to;
static size_t length_of_root;

__attribute__((constructor)) static void begin(void) {
    root = getenv("RECORDED_FOLDER");
    to = getenv("RECORD_FILE");
    root = root ? strdup(root) : "";
    to = to ? strdup(to) : NULL;
    length_of_root = strlen(root);
}

static int below(const char *path) {
    size_t length = length_of_root;
    return length && strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length]);
}

static void record(char what, uint64_t offset, const char *path, const void *more, size_t size) {
    int before = errno;
    int file = to ? syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (file >= 0) {
        struct head head = {what, offset, strlen(path), size};
        struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.first}, {(void *)more, size}};
        syscall(SYS_writev, file, parts, 3);
        syscall(SYS_close, file);
    }
    errno = before;
}

/* The path that a name stands for. 0 when it is not below the folder. */
static int named(int folder, const char *name, char *path) {
    int before = errno, length = 0;
    char link[64];
    if (name[0] != '/') {
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        length = readlink(link, path, PATH_MAX - 1);
        if (length > 0) path[length++] = '/';
    }
    errno = before;
    if (length < 0 || length + strlen(name) >= PATH_MAX) return 0;
    strcpy(path + length, name);
    length += strlen(name);
    while (length > 1 && path[length - 1] == '/') path[--length] = 0;
    return below(path);
}

/* The path of an open file, as it is called now. */
static int opened(int file, char *path) {
    char link[64];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    int length = readlink(link, path, PATH_MAX - 1);
    errno = before;
    if (length <= 0) return 0;
    path[length] = 0;
    return below(path) && !strstr(path, " (deleted)");
}

static int made(int file, int folder, const char *name, int flags) {
    char path[PATH_MAX];
    if (file >= 0 && (flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE && named(folder, name, path)) {
        if (flags & O_CREAT) record('c', 0, path, "", 0);
        if (flags & O_TRUNC) record('t', 0, path, "", 0);
    }
    return file;
}

#define MODE(last) va_list rest; va_start(rest, last); int mode = va_arg(rest, int); va_end(rest)

int open(const char *name, int flags, ...) {
    MODE(flags);
    return made(REAL(open)(name, flags, mode), AT_FDCWD, name, flags);
}
int open64(const char *name, int flags, ...) {
    MODE(flags);
    return made(REAL(open64)(name, flags, mode), AT_FDCWD, name, flags);
}
int openat(int folder, const char *name, int flags, ...) {
    MODE(flags);
    return made(REAL(openat)(folder, name, flags, mode), folder, name, flags);
}
int openat64(int folder, const char *name, int flags, ...) {
    MODE(flags);
    return made(REAL(openat64)(folder, name, flags, mode), folder, name, flags);
}
int creat(const char *name, mode_t mode) { return open(name, O_CREAT | O_WRONLY | O_TRUNC, mode); }

static ssize_t wrote(int file, const void *bytes, ssize_t size, off_t offset) {
    char path[PATH_MAX];
    if (size > 0 && opened(file, path)) record('w', offset < 0 ? lseek(file, 0, SEEK_CUR) - size : offset, path, bytes, size);
    return size;
}

ssize_t write(int file, const void *bytes, size_t size) { return wrote(file, bytes, REAL(write)(file, bytes, size), -1); }
ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    return wrote(file, bytes, REAL(pwrite)(file, bytes, size, offset), offset);
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
    return wrote(file, bytes, REAL(pwrite64)(file, bytes, size, offset), offset);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!opened(file, path)) return REAL(writev)(file, parts, count);
    return count ? write(file, parts[0].iov_base, parts[0].iov_len) : 0; /* a part of it may be written */
}
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t offset) {
    char path[PATH_MAX];
    if (!opened(file, path)) return REAL(pwritev)(file, parts, count, offset);
    return count ? pwrite(file, parts[0].iov_base, parts[0].iov_len, offset) : 0;
}
/* Whoever copies within the kernel does it by hand where that is not offered. */
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *target, size_t size, unsigned flags) {
    char path[PATH_MAX];
    if (!opened(to, path)) return REAL(copy_file_range)(from, at, to, target, size, flags);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) {
    char path[PATH_MAX];
    if (!opened(to, path)) return ((ssize_t(*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile"))(to, from, at, size);
    errno = ENOSYS;
    return -1;
}
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, at, size); }

static int cut(int done, int file, off_t length) {
    char path[PATH_MAX];
    if (!done && opened(file, path)) record('t', length, path, "", 0);
    return done;
}
int ftruncate(int file, off_t length) { return cut(REAL(ftruncate)(file, length), file, length); }
int ftruncate64(int file, off64_t length) { return cut(REAL(ftruncate64)(file, length), file, length); }

static int renamed(char what, int done, int from, const char *old, int to, const char *new) {
    char first[PATH_MAX], second[PATH_MAX];
    if (!done && named(to, new, second) | named(from, old, first)) record(what, 0, first, second, strlen(second));
    return done;
}
int rename(const char *old, const char *new) { return renamed('r', REAL(rename)(old, new), AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int from, const char *old, int to, const char *new) {
    return renamed('r', REAL(renameat)(from, old, to, new), from, old, to, new);
}
int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    return renamed('r', REAL(renameat2)(from, old, to, new, flags), from, old, to, new);
}
int link(const char *old, const char *new) { return renamed('l', REAL(link)(old, new), AT_FDCWD, old, AT_FDCWD, new); }
int linkat(int from, const char *old, int to, const char *new, int flags) {
    return renamed('l', REAL(linkat)(from, old, to, new, flags), from, old, to, new);
}

static int about(char what, int done, int folder, const char *name) {
    char path[PATH_MAX];
    if (!done && named(folder, name, path)) record(what, 0, path, "", 0);
    return done;
}
int unlink(const char *name) { return about('u', REAL(unlink)(name), AT_FDCWD, name); }
int unlinkat(int folder, const char *name, int flags) { return about('u', REAL(unlinkat)(folder, name, flags), folder, name); }
int remove(const char *name) { return about('u', REAL(remove)(name), AT_FDCWD, name); }
int rmdir(const char *name) { return about('u', REAL(rmdir)(name), AT_FDCWD, name); }
int mkdir(const char *name, mode_t mode) { return about('m', REAL(mkdir)(name, mode), AT_FDCWD, name); }
int mkdirat(int folder, const char *name, mode_t mode) { return about('m', REAL(mkdirat)(folder, name, mode), folder, name); }

static int flushed(int file) {
    char path[PATH_MAX];
    if (opened(file, path)) record('f', 0, path, "", 0);
    return 0;
}
int fsync(int file) { return flushed(file); }
int fdatasync(int file) { return flushed(file); }
