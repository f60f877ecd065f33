/* Faults inside of a server that knows nothing of them: preloaded, it stands between the program and the C library.
 *
 * What is to fail is told by five numbers of 64 bits in the file $TORTURE_CONTROL, which is mapped, so that a change
 * holds for the next call:
 *   0  fsync and fdatasync fail with EIO          1  writes fail with EIO
 *   2  writes fail with ENOSPC                    3  seconds that the wall clock is off
 *   4  (counted here) calls that were made to fail or to lie
 * Only files below $TORTURE_FOLDER are touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_EIO, WRITE_EIO, WRITE_ENOSPC, CLOCK_OFF, HITS, NUMBERS };

static _Atomic int64_t *control;
static const char *folder;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("TORTURE_CONTROL");
  folder = getenv("TORTURE_FOLDER");
  if (path == NULL || folder == NULL) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *map = mmap(NULL, NUMBERS * sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (map != MAP_FAILED) control = map;
}

static int64_t asked(int which) { return control == NULL ? 0 : atomic_load(&control[which]); }

static void hit(void) { atomic_fetch_add(&control[HITS], 1); }

static int is_meant(int file) {
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

static int fails(int file, int which, int error) {
  if (!asked(which) || !is_meant(file)) return 0;
  hit();
  errno = error;
  return 1;
}

static int write_fails(int file) { return fails(file, WRITE_EIO, EIO) || fails(file, WRITE_ENOSPC, ENOSPC); }

#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

int fsync(int file) {
  REAL(fsync);
  return fails(file, SYNC_EIO, EIO) ? -1 : real(file);
}

int fdatasync(int file) {
  REAL(fdatasync);
  return fails(file, SYNC_EIO, EIO) ? -1 : real(file);
}

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(write);
  return write_fails(file) ? -1 : real(file, bytes, count);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  REAL(pwrite);
  return write_fails(file) ? -1 : real(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  REAL(pwrite64);
  return write_fails(file) ? -1 : real(file, bytes, count, at);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  REAL(clock_gettime);
  int result = real(clock, now);
  int64_t off = asked(CLOCK_OFF);
  if (result == 0 && off != 0 && clock == CLOCK_REALTIME) {
    now->tv_sec += off;
    hit();
  }
  return result;
}
