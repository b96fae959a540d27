/*
 * Writes each change of the tree to FAULTS_JOURNAL, so that a test can compute the state after a
 * power loss (power-loss.ts reads it). A record: type, inode, number (offset, size), length of the
 * first and of the second name, length of the bytes; then those three.
 */
#include "fault-calls.h"

struct __attribute__((packed)) head {
  char type;
  uint64_t inode, number;
  uint32_t first, second, bytes;
};

static int journal = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void start(void) {
  const char *file = getenv("FAULTS_JOURNAL");
  if (file == NULL || strcmp(program_invocation_short_name, "node") != 0) return;
  int fd = NEXT(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) abort();
  journal = fcntl(fd, F_DUPFD_CLOEXEC, 900);
  close(fd);
}

int journal_begin(void) {
  if (journal < 0) return 0;
  pthread_mutex_lock(&turn);
  return 1;
}

void journal_end(int saved_errno) {
  if (journal >= 0) pthread_mutex_unlock(&turn);
  errno = saved_errno;
}

/*
 * One write per record: a process killed meanwhile leaves no record, or part of one at the end.
 */
static void put(struct head head, const char *first, const char *second, const void *bytes) {
  if (journal < 0) return;
  head.first = strlen(first);
  head.second = strlen(second);
  struct iovec parts[] = {{&head, sizeof head}, {(void *)first, head.first}, {(void *)second, head.second}, {(void *)bytes, head.bytes}};
  if (NEXT(writev)(journal, parts, 4) < 0) abort();
}

static uint64_t inode_of(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode)) ? found.st_ino : 0;
}

void journal_create(const char *path, int fd) {
  put((struct head){.type = 'c', .inode = inode_of(fd)}, path, "", "");
}

/* w: through the page cache; o: around it (O_DIRECT). */
void journal_write(int fd, int64_t offset, const void *bytes, size_t count) {
  uint64_t inode = inode_of(fd);
  char type = fcntl(fd, F_GETFL) & O_DIRECT ? 'o' : 'w';
  if (inode != 0) put((struct head){.type = type, .inode = inode, .number = offset, .bytes = count}, "", "", bytes);
}

void journal_zeros(int fd, int64_t offset, int64_t length) {
  char *zeros = calloc(1, length);
  journal_write(fd, offset, zeros, length);
  free(zeros);
}

void journal_truncate(int fd, int64_t size) {
  put((struct head){.type = 't', .inode = inode_of(fd), .number = size}, "", "", "");
}

void journal_sync(int fd) {
  put((struct head){.type = 's', .inode = inode_of(fd)}, "", "", "");
}

/*
 * Changes of names: r rename, l link, u unlink, d mkdir, x rmdir. For d, the inode is the new
 * folder's.
 */
void journal_names(char type, const char *from, const char *to) {
  struct stat found = {0};
  if (type == 'd') lstat(from, &found);
  put((struct head){.type = type, .inode = found.st_ino}, from, to, "");
}
