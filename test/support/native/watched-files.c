/*
 * whole-files.c with reads and writes that are noted, and that can be made shorter, fail or refuse
 * direct I/O. For one call of the library at a time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_CALLS = 64 };

/* The length of each call is divided by this, and is at most `longest`. */
static uint32_t divisor = 1, longest = UINT32_MAX, refuses;
/* Every read and write fails with this errno, unless it is 0. */
static int failure;
/* Every read and write waits a moment first, as for a disk. */
static uint32_t waits_first;
/* Every other call fails with EINTR. */
static int interrupts, is_odd;
/* The calls so far: CALLS of watched-files.ts. */
enum { CACHED, DIRECT_CALL, FSYNC, RENAME };
static uint8_t calls[MOST_CALLS];
static uint32_t count;

static void note(uint8_t call) {
  if (count < MOST_CALLS) calls[count++] = call;
}

static int is_interrupted(void) {
  is_odd = interrupts && !is_odd;
  if (is_odd) errno = EINTR;
  return is_odd;
}

/* Returns 0, with errno set, if the call fails. */
static size_t noted(int fd, size_t length) {
  if (is_interrupted()) return 0;
  if (waits_first) usleep(1000);
  const int is_direct = (fcntl(fd, F_GETFL) & O_DIRECT) != 0;
  note(is_direct ? DIRECT_CALL : CACHED);
  errno = failure != 0 ? failure : is_direct && refuses ? EINVAL : 0;
  if (errno != 0) return 0;
  size_t shorter = length / divisor;
  if (shorter > longest) shorter = longest;
  return shorter == 0 ? 1 : shorter;
}

static ssize_t watched_pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  const size_t shorter = noted(fd, length);
  if (shorter > 0) return pwrite(fd, bytes, shorter, offset);
  return -1;
}

static ssize_t watched_pread(int fd, void *bytes, size_t length, off_t offset) {
  const size_t shorter = noted(fd, length);
  if (shorter > 0) return pread(fd, bytes, shorter, offset);
  return -1;
}

static int watched_open(const char *path, int flags, mode_t mode) {
  return is_interrupted() ? -1 : open(path, flags, mode);
}

static int watched_close(int fd) {
  const int result = close(fd);
  if (!interrupts) return result;
  errno = EINTR;
  return -1;
}

static int watched_mkdir(const char *path, mode_t mode) { return is_interrupted() ? -1 : mkdir(path, mode); }

static int watched_fchmod(int fd, mode_t mode) { return is_interrupted() ? -1 : fchmod(fd, mode); }

static int watched_chmod(const char *path, mode_t mode) { return is_interrupted() ? -1 : chmod(path, mode); }

static int watched_fsync(int fd) {
  if (is_interrupted()) return -1;
  note(FSYNC);
  return fsync(fd);
}

static int watched_rename(const char *from, const char *to) {
  if (is_interrupted()) return -1;
  note(RENAME);
  return rename(from, to);
}

/* The mode counts only for new files. */
#define MODE_OF(path, flags, mode, ...) path, flags, mode
#define open(...) watched_open(MODE_OF(__VA_ARGS__, 0, 0))
#define close watched_close
#define mkdir watched_mkdir
#define fchmod watched_fchmod
#define chmod watched_chmod
#define fsync watched_fsync
#define rename watched_rename
#define pwrite watched_pwrite
#define pread watched_pread
#include "whole-files.c"

/* Forgets the calls so far. */
void forget(void) { count = 0; }

/* Says how the next calls are changed. */
void change(uint32_t divide_by, uint32_t at_most, uint32_t refuse_direct, int fail_with, int interrupt, uint32_t wait) {
  divisor = divide_by;
  longest = at_most;
  refuses = refuse_direct;
  failure = fail_with;
  interrupts = interrupt;
  waits_first = wait;
}

/* Returns the number of calls, and writes the kind of each. */
uint32_t watched(uint8_t into[MOST_CALLS]) {
  for (uint32_t i = 0; i < count; i++) into[i] = calls[i];
  return count;
}
