/* A disk that takes its time: each flush of a file returns three tenths of a second later. Loaded by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const useconds_t late = 300000;

int fdatasync(int file) {
    usleep(late);
    return REAL(fdatasync)(file);
}

int fsync(int file) {
    usleep(late);
    return REAL(fsync)(file);
}
