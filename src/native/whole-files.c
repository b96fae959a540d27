/*
 * Writes, reads, syncs and lists whole files, each in one call. It waits for the disk, in a thread
 * of libuv's pool. With Node's own calls, a blob would go through that pool about ten times, and
 * each time wake two threads. Direct I/O is explained in direct-io.ts.
 *
 * Results are those of the kernel: below 0 a negative errno. All calls go to libc by name, where
 * tests make them fail.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Repeats a call that a signal interrupted, as Node does it. On local disks this never happens; a
 * file system in user space may answer so, for example after Ctrl-Z.
 */
#define REPEATED(call)                              \
  ({                                                \
    __typeof__(call) outcome;                       \
    do outcome = (call);                            \
    while (outcome == -1 && errno == EINTR);        \
    outcome;                                        \
  })

/* O_DIRECT needs memory, offsets and lengths that are multiples of this. */
enum { ALIGNMENT = 4096 };

/*
 * Bits of `flags`: bypass the page cache if possible; write nothing if the file system refuses
 * that; fsync; the umask does not apply.
 */
enum { DIRECT = 1, DIRECT_ONLY = 2, DURABLE = 4, EXACT_MODE = 8 };

/* Bits of the mode that a folder keeps: setuid, setgid and sticky may be inherited. */
enum { SPECIAL_BITS = 07000 };

/* Results of get that are no errno. */
enum { NO_REGULAR_FILE = -10001, BECAME_SHORTER = -10002 };

/* An open file, and whether its next transfers bypass the page cache. */
struct file {
  int fd;
  int is_direct;
  /* Set to 1 if the file system takes no direct I/O. */
  uint32_t *refused;
};

static int set_direct(struct file *file, int is_direct) {
  const int flags = fcntl(file->fd, F_GETFL);
  if (flags < 0 || fcntl(file->fd, F_SETFL, is_direct ? flags | O_DIRECT : flags & ~O_DIRECT) != 0) return -1;
  file->is_direct = is_direct;
  return 0;
}

static void begin(struct file *file, const uint8_t *bytes, uint64_t length, uint32_t flags) {
  if (!(flags & DIRECT) || length < ALIGNMENT || (uintptr_t)bytes % ALIGNMENT != 0) return;
  if (set_direct(file, 1) != 0) *file->refused = 1;
}

static ssize_t move_some(const struct file *file, uint8_t *bytes, uint64_t length, uint64_t offset, int is_write) {
  return is_write ? REPEATED(pwrite(file->fd, bytes, length, (off_t)offset))
                  : REPEATED(pread(file->fd, bytes, length, (off_t)offset));
}

/*
 * Writes or reads `wanted` bytes. The first `whole_pages` of them go directly; the rest, and what
 * follows a short call, go through the page cache, as dd does it. Returns how many were moved:
 * fewer at the end of the file.
 */
static int64_t transfer(struct file *file, uint8_t *bytes, uint64_t wanted, uint64_t whole_pages, int is_write) {
  uint64_t done = 0;
  while (done < wanted) {
    const int leaves_pages = done >= whole_pages || done % ALIGNMENT != 0;
    if (file->is_direct && leaves_pages && set_direct(file, 0) != 0) return -errno;
    const uint64_t end = file->is_direct ? whole_pages : wanted;
    const ssize_t moved = move_some(file, bytes + done, end - done, done, is_write);
    if (moved > 0) {
      done += (uint64_t)moved;
    } else if (moved == 0) {
      break;
    } else if (errno == EINVAL && file->is_direct) {
      /* Some file systems take the flag and refuse the first transfer. */
      *file->refused = 1;
      if (set_direct(file, 0) != 0) return -errno;
    } else {
      return -errno;
    }
  }
  return (int64_t)done;
}

static int fill(struct file *file, const uint8_t *bytes, uint64_t length, uint32_t mode, uint32_t flags) {
  if ((flags & EXACT_MODE) && REPEATED(fchmod(file->fd, mode)) != 0) return -errno;
  begin(file, bytes, length, flags);
  const int64_t written = transfer(file, (uint8_t *)bytes, length, length - length % ALIGNMENT, 1);
  if (written < 0) return (int)written;
  if ((uint64_t)written < length) return -EIO;
  if (*file->refused != 0 && (flags & DIRECT_ONLY)) return -EINVAL;
  if (!(flags & DURABLE)) return 0;
  if (REPEATED(fsync(file->fd)) != 0) return -errno;
  /* Only clean pages can be dropped. */
  if (!file->is_direct) posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
  return 0;
}

/* Copies `path` without its last name to `parent`. */
static int cut_last(const char *path, char parent[PATH_MAX]) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL || slash - path >= PATH_MAX) return -ENAMETOOLONG;
  memcpy(parent, path, (size_t)(slash - path));
  parent[slash - path] = 0;
  return 0;
}

/* Makes a folder, unless it is there or another writer is faster. */
static int make_folder(const char *path, uint32_t mode, uint32_t flags) {
  struct stat now;
  if (REPEATED(mkdir(path, mode)) != 0) return errno == EEXIST ? 0 : -errno;
  if (!(flags & EXACT_MODE)) return 0;
  if (REPEATED(stat(path, &now)) != 0) return -errno;
  return REPEATED(chmod(path, (now.st_mode & SPECIAL_BITS) | mode)) == 0 ? 0 : -errno;
}

/* Renames a file. Makes the two folders above its new name if they are missing. */
static int move_into(const char *from, const char *to, uint32_t folder_mode, uint32_t flags) {
  char parent[PATH_MAX], above[PATH_MAX];
  if (REPEATED(rename(from, to)) == 0) return 0;
  if (errno != ENOENT) return -errno;
  int result = cut_last(to, parent);
  if (result == 0) result = make_folder(parent, folder_mode, flags);
  if (result == -ENOENT) {
    result = cut_last(parent, above);
    if (result == 0) result = make_folder(above, folder_mode, flags);
    if (result == 0) result = make_folder(parent, folder_mode, flags);
  }
  if (result != 0) return result;
  return REPEATED(rename(from, to)) == 0 ? 0 : -errno;
}

/*
 * Writes a new file `temporary`, with DURABLE makes it durable, then renames it to `path`. A
 * failure may leave `temporary`. Sets `refused` to 1 if the file system takes no direct I/O.
 * Returns 0 or an error.
 */
int64_t backy2_put_file(const char *temporary, const char *path, const uint8_t *bytes, uint64_t length, uint32_t mode,
                        uint32_t folder_mode, uint32_t flags, uint32_t *refused) {
  struct file file = {REPEATED(open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)), 0, refused};
  if (file.fd < 0) return -errno;
  int result = fill(&file, bytes, length, mode, flags);
  /* Interrupted or not, it is closed. */
  if (close(file.fd) != 0 && errno != EINTR && result == 0) result = -errno;
  return result != 0 ? result : move_into(temporary, path, folder_mode, flags);
}

/* How often this thread has waited so far: for a disk, or a network. */
static long waits(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* `before`: waits() before the file was opened. */
static int64_t get(struct file *file, uint8_t *into, uint64_t capacity, uint32_t flags, long before, uint32_t *waited) {
  struct stat now;
  if (REPEATED(fstat(file->fd, &now)) != 0) return -errno;
  if (!S_ISREG(now.st_mode)) return NO_REGULAR_FILE;
  const uint64_t size = (uint64_t)now.st_size, wanted = size < capacity ? size : capacity;
  const uint64_t rest = wanted % ALIGNMENT, padding = rest == 0 ? 0 : ALIGNMENT - rest;
  begin(file, into, wanted, flags);
  /* The last page may be read beyond the end of the file. */
  const int64_t got = transfer(file, into, wanted, wanted + padding <= capacity ? wanted + padding : wanted - rest, 0);
  /* Dropping pages may wait as well. */
  *waited = waits() != before;
  if (!file->is_direct) posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
  if (got < 0) return got;
  return (uint64_t)got < wanted ? BECAME_SHORTER : (int64_t)size;
}

/*
 * Reads the first bytes of a regular file, as many as `capacity`. May overwrite the rest of `into`.
 * Returns the file's size, or an error. `refused` as above. Sets `waited` to 1 if the bytes were
 * not all in memory.
 */
int64_t backy2_get_file(const char *path, uint8_t *into, uint64_t capacity, uint32_t flags, uint32_t *refused,
                        uint32_t *waited) {
  const long before = waits();
  /* Without O_NONBLOCK, a pipe would wait until a process writes to it. */
  struct file file = {REPEATED(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)), 0, refused};
  if (file.fd < 0) return -errno;
  const int64_t result = get(&file, into, capacity, flags, before, waited);
  close(file.fd);
  return result;
}

/* Makes the entries of folders durable, until one fails. Returns 0 or an error. */
int64_t backy2_sync_folders(const char *const *paths, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const int fd = REPEATED(open(paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const int result = fd < 0 || REPEATED(fsync(fd)) != 0 ? -errno : 0;
    if (fd >= 0) close(fd);
    if (result != 0) return result;
  }
  return 0;
}

/* Texts that are gathered, as many as fit. */
struct texts {
  uint8_t *into;
  uint64_t capacity;
  /* Bytes of all texts: more than `capacity` if some do not fit. */
  uint64_t length;
};

static void append(struct texts *texts, const char *text, size_t length) {
  if (texts->length + length <= texts->capacity) memcpy(texts->into + texts->length, text, length);
  texts->length += length;
}

static DIR *open_folder(const char *path) {
  DIR *folder;
  do folder = opendir(path);
  while (folder == NULL && errno == EINTR);
  return folder;
}

/* The next entry, without `.` and `..`. NULL: there is none, or an error, which `*error` tells. */
static const struct dirent *next_entry(DIR *folder, int *error) {
  for (;;) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    *error = errno;
    if (entry == NULL && errno == EINTR) continue;
    if (entry == NULL || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)) return entry;
  }
}

/* Returns 1 for folders and symlinks, 0 for others and for what has gone, or an error. */
static int may_be_folder(DIR *above, const struct dirent *entry) {
  struct stat now;
  if (entry->d_type != DT_UNKNOWN) return entry->d_type == DT_DIR || entry->d_type == DT_LNK;
  if (REPEATED(fstatat(dirfd(above), entry->d_name, &now, AT_SYMLINK_NOFOLLOW)) != 0) return errno == ENOENT ? 0 : -errno;
  return S_ISDIR(now.st_mode) || S_ISLNK(now.st_mode);
}

/* Gathers `<name>/<file>` and a zero byte for each file of a folder. */
static int list_folder(const char *above, const char *name, struct texts *texts) {
  char path[PATH_MAX];
  int error = 0;
  if (snprintf(path, sizeof path, "%s/%s", above, name) >= (int)sizeof path) return -ENAMETOOLONG;
  DIR *folder = open_folder(path);
  if (folder == NULL) return -errno;
  for (const struct dirent *entry; (entry = next_entry(folder, &error)) != NULL;) {
    append(texts, name, strlen(name));
    append(texts, "/", 1);
    append(texts, entry->d_name, strlen(entry->d_name) + 1);
  }
  closedir(folder);
  return -error;
}

/*
 * Lists what is in the subfolders of `path` whose names have two bytes and begin with `prefix`:
 * `<subfolder>/<name>` and a zero byte for each entry, as many as fit into `into`. Follows symlinks
 * to folders. A missing folder has none. Returns how many bytes all of them take, or an error.
 */
int64_t backy2_list_files(const char *path, const char *prefix, uint8_t *into, uint64_t capacity) {
  struct texts texts = {into, capacity, 0};
  int error = 0, result = 0;
  DIR *above = open_folder(path);
  if (above == NULL) return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
  for (const struct dirent *entry; result == 0 && (entry = next_entry(above, &error)) != NULL;) {
    const char *name = entry->d_name;
    if (strlen(name) != 2 || strncmp(name, prefix, strlen(prefix)) != 0) continue;
    result = may_be_folder(above, entry);
    if (result == 1) result = list_folder(path, name, &texts);
  }
  closedir(above);
  if (result == 0) result = -error;
  return result != 0 ? result : (int64_t)texts.length;
}
