/*
 * Preloaded into the program under test: makes reads of one file fail, and records the order in
 * which files are made durable.
 *
 * FAULT_PATH    the file whose reads fail
 * FAULT_OFFSET  reads from here, for 4096 bytes, fail
 * FAULT_KIND    eio: with EIO; short: as if the file ended there; hang: after 20 seconds, with EIO;
 *               hold: not at all, but all reads from there to the end wait for FAULT_RELEASE
 * FAULT_RELEASE a file that lets the reads go on once it exists
 * TRACE_FILE    gets a line for every fsync, rename and mkdir, for every write to a database, and
 *               for every read that hangs
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static void path_of(int fd, char *path, size_t length) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t got = readlink(link, path, length - 1);
  path[got < 0 ? 0 : got] = 0;
}

static void trace(const char *what, const char *path, const char *to) {
  const char *file = getenv("TRACE_FILE");
  if (file == NULL) return;
  char line[9000];
  int length = snprintf(line, sizeof line, "%s\t%s\t%s\n", what, path, to);
  int fd = open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (fd < 0) return;
  if (write(fd, line, length) < 0) perror("trace");
  close(fd);
}

/*
 * Returns the result of a read, or -2 for a normal read. As in the kernel, bytes before the fault
 * are read and `count` is cut there. Only a read that begins at the fault fails.
 */
static ssize_t fault(int fd, size_t *count, off_t offset) {
  const char *path = getenv("FAULT_PATH"), *at = getenv("FAULT_OFFSET"), *kind = getenv("FAULT_KIND");
  if (path == NULL || at == NULL || kind == NULL) return -2;
  off_t bad = atoll(at);
  int holds = strcmp(kind, "hold") == 0;
  if (bad >= offset + (off_t)*count || (!holds && offset >= bad + 4096)) return -2;
  char real[4096];
  path_of(fd, real, sizeof real);
  if (strcmp(real, path) != 0) return -2;
  if (offset < bad) {
    *count = bad - offset;
    return -2;
  }
  if (holds) {
    while (access(getenv("FAULT_RELEASE"), F_OK) != 0) usleep(10000);
    return -2;
  }
  if (strcmp(kind, "short") == 0) return 0;
  if (strcmp(kind, "hang") == 0) {
    trace("hang", real, "");
    /* A signal ends a sleep, but must not end the hang. */
    for (unsigned left = 20; left > 0;) left = sleep(left);
  }
  errno = EIO;
  return -1;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pread(int fd, void *into, size_t count, off_t offset) {
  ssize_t result = fault(fd, &count, offset);
  return result != -2 ? result : NEXT(pread)(fd, into, count, offset);
}

ssize_t pread64(int fd, void *into, size_t count, off64_t offset) {
  ssize_t result = fault(fd, &count, offset);
  return result != -2 ? result : NEXT(pread64)(fd, into, count, offset);
}

static void trace_fd(const char *what, int fd) {
  char path[4096];
  path_of(fd, path, sizeof path);
  trace(what, path, "");
}

/* The line is written after the call. */
int fsync(int fd) {
  int result = NEXT(fsync)(fd);
  trace_fd("fsync", fd);
  return result;
}

int fdatasync(int fd) {
  int result = NEXT(fdatasync)(fd);
  trace_fd("fsync", fd);
  return result;
}

int rename(const char *from, const char *to) {
  int result = NEXT(rename)(from, to);
  if (result == 0) trace("rename", from, to);
  return result;
}

int mkdir(const char *path, mode_t mode) {
  int result = NEXT(mkdir)(path, mode);
  if (result == 0) trace("mkdir", path, "");
  return result;
}

/*
 * The line is written before the call: all that precedes it in the trace preceded the write.
 */
static void trace_database_write(int fd) {
  if (getenv("TRACE_FILE") == NULL) return;
  char path[4096];
  path_of(fd, path, sizeof path);
  if (strstr(path, ".sqlite") != NULL) trace("database", path, "");
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
  trace_database_write(fd);
  return NEXT(pwrite)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  trace_database_write(fd);
  return NEXT(pwrite64)(fd, bytes, count, offset);
}
