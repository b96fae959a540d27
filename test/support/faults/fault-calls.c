/* The calls that libuv, SQLite and koffi make, each with its fault and its journal record. */
#include "fault-calls.h"
#include <dirent.h>
#include <stdarg.h>
#include <sys/file.h>

/* Offset -1: the file's own position. */
static ssize_t moved(enum kind kind, int fd, void *bytes, size_t count, off64_t offset) {
  char path[PATH_MAX];
  path_of(fd, path);
  enum action action = next_call(kind, path);
  if (action == FAIL) return -1;
  if (action == END) return 0;
  if (action == SHORT && count > 1) count /= 2;
  int journalled = kind == WRITE && journal_begin();
  off64_t at = offset;
  if (journalled && offset < 0) {
    struct stat now;
    at = (fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &now) == 0 ? now.st_size : lseek64(fd, 0, SEEK_CUR);
  }
  ssize_t done;
  if (kind == READ) done = offset < 0 ? NEXT(read)(fd, bytes, count) : NEXT(pread64)(fd, bytes, count, offset);
  else done = offset < 0 ? NEXT(write)(fd, bytes, count) : NEXT(pwrite64)(fd, bytes, count, offset);
  int saved = errno;
  if (journalled) {
    if (done > 0) journal_write(fd, at, bytes, done);
    journal_end(saved);
  }
  if (action == FLIP && done > 0) ((char *)bytes)[done / 3] ^= 0x10;
  if (action == KILL_AFTER) die();
  errno = saved;
  return done;
}

ssize_t read(int fd, void *into, size_t count) { return moved(READ, fd, into, count, -1); }
ssize_t pread(int fd, void *into, size_t count, off_t offset) { return moved(READ, fd, into, count, offset); }
ssize_t pread64(int fd, void *into, size_t count, off64_t offset) { return moved(READ, fd, into, count, offset); }
ssize_t write(int fd, const void *bytes, size_t count) { return moved(WRITE, fd, (void *)bytes, count, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return moved(WRITE, fd, (void *)bytes, count, offset); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) { return moved(WRITE, fd, (void *)bytes, count, offset); }

/* Of several buffers, writes only the first: every caller must expect that. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
  for (int n = 0; n < count; n++)
    if (parts[n].iov_len > 0) return moved(WRITE, fd, parts[n].iov_base, parts[n].iov_len, -1);
  return 0;
}

static int opened(const char *path, int flags, mode_t mode) {
  char full[PATH_MAX];
  if (path[0] == '/' || getcwd(full, sizeof full) == NULL) full[0] = 0;
  if (path[0] != '/') snprintf(full + strlen(full), sizeof full - strlen(full), "/");
  snprintf(full + strlen(full), sizeof full - strlen(full), "%s", path);
  enum action action = next_call(flags & O_CREAT ? CREATE : OPEN, full);
  if (action == FAIL) return -1;
  int journalled = (flags & (O_CREAT | O_TRUNC)) && journal_begin();
  int is_new = journalled && (flags & O_CREAT) && NEXT(access)(full, F_OK) != 0;
  int fd = NEXT(open64)(path, flags, mode);
  int saved = errno;
  if (journalled) {
    if (fd >= 0 && is_new) journal_create(full, fd);
    else if (fd >= 0 && (flags & O_TRUNC)) journal_truncate(fd, 0);
    journal_end(saved);
  }
  if (action == KILL_AFTER) die();
  errno = saved;
  return fd;
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return opened(path, flags | O_LARGEFILE, mode);
}

/*
 * A call on an open file: performs it, and writes the journal record if it succeeded.
 * A skipped call reports success.
 */
#define ON_FILE(kind, call, line)                   \
  char path[PATH_MAX];                              \
  path_of(fd, path);                                \
  enum action action = next_call(kind, path);       \
  if (action == FAIL) return -1;                    \
  if (action == SKIP) return 0;                     \
  journal_begin();                                  \
  int result = call;                                \
  int saved = errno;                                \
  if (result == 0) line;                            \
  journal_end(saved);                               \
  if (action == KILL_AFTER) die();                  \
  errno = saved;                                    \
  return result

int fsync(int fd) { ON_FILE(FSYNC, NEXT(fsync)(fd), journal_sync(fd)); }
int fdatasync(int fd) { ON_FILE(FSYNC, NEXT(fdatasync)(fd), journal_sync(fd)); }
int syncfs(int fd) { ON_FILE(FSYNC, NEXT(syncfs)(fd), (void)0); }
int ftruncate64(int fd, off64_t size) { ON_FILE(TRUNCATE, NEXT(ftruncate64)(fd, size), journal_truncate(fd, size)); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int flock(int fd, int operation) { ON_FILE(FLOCK, NEXT(flock)(fd, operation), (void)0); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
  ON_FILE(FALLOCATE, NEXT(fallocate)(fd, mode, offset, length), journal_zeros(fd, offset, length));
}

/* A call that changes names. */
#define ON_NAMES(kind, call, type, from, to)        \
  enum action action = next_call(kind, from);       \
  if (action == FAIL) return -1;                    \
  journal_begin();                                  \
  int result = call;                                \
  int saved = errno;                                \
  if (result == 0) journal_names(type, from, to);   \
  journal_end(saved);                               \
  if (action == KILL_AFTER) die();                  \
  errno = saved;                                    \
  return result

int rename(const char *from, const char *to) { ON_NAMES(RENAME, NEXT(rename)(from, to), 'r', from, to); }
int link(const char *from, const char *to) { ON_NAMES(LINK, NEXT(link)(from, to), 'l', from, to); }
int unlink(const char *path) { ON_NAMES(UNLINK, NEXT(unlink)(path), 'u', path, ""); }
int rmdir(const char *path) { ON_NAMES(UNLINK, NEXT(rmdir)(path), 'x', path, ""); }
int mkdir(const char *path, mode_t mode) { ON_NAMES(MKDIR, NEXT(mkdir)(path, mode), 'd', path, ""); }

int connect(int fd, const struct sockaddr *address, socklen_t length) {
  char path[PATH_MAX];
  path_of_server(address, path);
  if (next_call(CONNECT, path) == FAIL) return -1;
  return NEXT(connect)(fd, address, length);
}

/* SQLite's locks. */
int fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  enum action action = GO_ON;
  if (command == F_SETLK || command == F_SETLKW) {
    char path[PATH_MAX];
    path_of(fd, path);
    action = next_call(((struct flock *)argument)->l_type == F_UNLCK ? UNLOCK : LOCK, path);
    if (action == FAIL) return -1;
  }
  int result = NEXT(fcntl64)(fd, command, argument);
  if (action == KILL_AFTER) die();
  return result;
}

DIR *opendir(const char *path) {
  if (next_call(LIST, path) == FAIL) return NULL;
  return NEXT(opendir)(path);
}

int scandir64(const char *path, struct dirent64 ***names, int (*filter)(const struct dirent64 *),
              int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  if (next_call(LIST, path) == FAIL) return -1;
  return NEXT(scandir64)(path, names, filter, compare);
}

/* koffi looks up its calls in libc itself. It gets this library, which has libc behind it. */
void *dlopen(const char *name, int flags) {
  Dl_info here;
  if (name != NULL && strcmp(name, "libc.so.6") == 0 && dladdr((void *)&next_call, &here) != 0) name = here.dli_fname;
  return NEXT(dlopen)(name, flags);
}
