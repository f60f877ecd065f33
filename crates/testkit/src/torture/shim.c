/* Faults inside of a server that knows nothing of them: preloaded, it stands between the program and the C library.
 *
 * What is to fail is told by nine numbers of 64 bits in the file $TORTURE_CONTROL, which is mapped, so that a change
 * holds for the next call:
 *   0  fsync and fdatasync fail with EIO          1  writes fail with EIO
 *   2  writes fail with ENOSPC                    3  seconds that the wall clock is off
 *   4  (counted here) calls that were made to fail or to lie
 *   5  the point at which the process kills itself, by its place in `enum point`; 0 for none
 *   6  how many visits of that point there are still to be, with the one that it dies at
 *   7  milliseconds that fsync and fdatasync take longer      8  reads fail with EIO
 * Only files below $TORTURE_FOLDER are touched, and connections over TCP. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SYNC_EIO, WRITE_EIO, WRITE_ENOSPC, CLOCK_OFF, HITS, KILL_AT, KILL_AFTER, SYNC_DELAY, READ_EIO, NUMBERS };

/* Where a message is on its way, told by the calls that are made on it. */
enum point {
  NOWHERE,
  REQUEST_READ,     /* a caller's bytes have come, nothing is known of them yet */
  LOG_WRITE,        /* before a page of a commit is written */
  LOG_SYNC,         /* before a commit is made durable */
  LOG_SYNCED,       /* after that, before anybody knows */
  STORE_WRITE,      /* before a page goes from the log to its place */
  ANSWER,           /* before the caller is answered */
  ANSWERED,         /* after that */
  DIAL,             /* before a receiver is dialled */
  SEND,             /* before a request is sent to it */
  SENT,             /* after that */
  RECEIVED,         /* its answer has come, nothing is recorded yet */
};

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

/* The process dies here, if it is to: whoever comes here makes no further step. */
static void pass(enum point point) {
  if (asked(KILL_AT) != (int64_t)point) return;
  if (atomic_fetch_sub(&control[KILL_AFTER], 1) != 1) return;
  hit();
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Whether a file lies below the folder; its path is left in `path`. */
static int find(int file, char *path, size_t room) {
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, room - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

static int is_meant(int file) {
  char path[4096];
  return find(file, path, sizeof path);
}

/* A write of the store: into its log, or into its place. */
static void pass_write(int file) {
  char path[4096];
  if (asked(KILL_AT) != LOG_WRITE && asked(KILL_AT) != STORE_WRITE) return;
  if (!find(file, path, sizeof path)) return;
  size_t length = strlen(path);
  if (length > 4 && strcmp(path + length - 4, "-wal") == 0) pass(LOG_WRITE);
  if (length > 3 && strcmp(path + length - 3, ".db") == 0) pass(STORE_WRITE);
}

/* What a descriptor is, where it is a connection: whoever came, or whom we have dialled. */
enum { OTHER, CALLER, RECEIVER, DESCRIPTORS = 65536 };
static _Atomic char kinds[DESCRIPTORS];

static int kind(int file) { return file < 0 || file >= DESCRIPTORS ? OTHER : atomic_load(&kinds[file]); }

static void becomes(int file, int kind) {
  if (file >= 0 && file < DESCRIPTORS) atomic_store(&kinds[file], (char)kind);
}

static void pass_as(int file, enum point caller, enum point receiver) {
  int is = kind(file);
  if (is != OTHER) pass(is == CALLER ? caller : receiver);
}

static void pass_read(int file, ssize_t count) {
  if (count > 0) pass_as(file, REQUEST_READ, RECEIVED);
}

static ssize_t passed_send(int file, ssize_t count) {
  if (count > 0) pass_as(file, ANSWERED, SENT);
  return count;
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

static int synced(int file, int result) {
  if (asked(KILL_AT) == LOG_SYNCED && is_meant(file)) pass(LOG_SYNCED);
  return result;
}

static int sync_fails(int file) {
  if (asked(KILL_AT) == LOG_SYNC && is_meant(file)) pass(LOG_SYNC);
  int64_t delay = asked(SYNC_DELAY);
  if (delay > 0 && is_meant(file)) {
    hit();
    usleep((useconds_t)delay * 1000);
  }
  return fails(file, SYNC_EIO, EIO);
}

int fsync(int file) {
  REAL(fsync);
  return sync_fails(file) ? -1 : synced(file, real(file));
}

int fdatasync(int file) {
  REAL(fdatasync);
  return sync_fails(file) ? -1 : synced(file, real(file));
}

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(write);
  pass_as(file, ANSWER, SEND);
  return write_fails(file) ? -1 : passed_send(file, real(file, bytes, count));
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  REAL(pwrite);
  pass_write(file);
  return write_fails(file) ? -1 : real(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  REAL(pwrite64);
  pass_write(file);
  return write_fails(file) ? -1 : real(file, bytes, count, at);
}

ssize_t pread(int file, void *bytes, size_t count, off_t at) {
  REAL(pread);
  return fails(file, READ_EIO, EIO) ? -1 : real(file, bytes, count, at);
}

ssize_t pread64(int file, void *bytes, size_t count, off64_t at) {
  REAL(pread64);
  return fails(file, READ_EIO, EIO) ? -1 : real(file, bytes, count, at);
}

ssize_t send(int file, const void *bytes, size_t count, int flags) {
  REAL(send);
  pass_as(file, ANSWER, SEND);
  return passed_send(file, real(file, bytes, count, flags));
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(writev);
  pass_as(file, ANSWER, SEND);
  return passed_send(file, real(file, parts, count));
}

ssize_t recv(int file, void *bytes, size_t count, int flags) {
  REAL(recv);
  ssize_t result = real(file, bytes, count, flags);
  if ((flags & MSG_PEEK) == 0) pass_read(file, result);
  return result;
}

ssize_t readv(int file, const struct iovec *parts, int count) {
  REAL(readv);
  ssize_t result = real(file, parts, count);
  pass_read(file, result);
  return result;
}

int accept4(int file, struct sockaddr *address, socklen_t *length, int flags) {
  REAL(accept4);
  int result = real(file, address, length, flags);
  becomes(result, CALLER);
  return result;
}

int connect(int file, const struct sockaddr *address, socklen_t length) {
  REAL(connect);
  int is_tcp = address->sa_family == AF_INET || address->sa_family == AF_INET6;
  becomes(file, is_tcp ? RECEIVER : OTHER);
  if (is_tcp) pass(DIAL);
  return real(file, address, length);
}

int close(int file) {
  REAL(close);
  becomes(file, OTHER);
  return real(file);
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
