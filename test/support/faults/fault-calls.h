/* Shared by the parts of the fault layer. All of it is preloaded into the program under test. */
#pragma once
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define HIDDEN __attribute__((visibility("hidden")))

/* Kinds of calls, in the order of CALL_KINDS in fault-layer.ts. */
enum kind { OPEN, CREATE, READ, WRITE, FSYNC, RENAME, LINK, UNLINK, MKDIR, TRUNCATE, FALLOCATE, FLOCK, LOCK, UNLOCK, LIST, CONNECT, KINDS };

/* The fate of a call. */
enum action { GO_ON, FAIL, SKIP, SHORT, END, FLIP, KILL_AFTER };

/*
 * The absolute path of an open file descriptor. A connection to a named server has a path that
 * stands for it.
 */
HIDDEN void path_of(int fd, char path[PATH_MAX]);
/* The path that stands for the server at an address; empty if it has no name. */
HIDDEN void path_of_server(const struct sockaddr *address, char path[PATH_MAX]);
/*
 * Counts a call and returns its action; FAIL comes with errno set. May kill the process, if the
 * script says so.
 */
HIDDEN enum action next_call(enum kind kind, const char *path);
/* Must be called after a call whose action was KILL_AFTER. */
HIDDEN void die(void);

/* Recorded changes of the tree do not overlap: between begin and end no other one happens. */
HIDDEN int journal_begin(void);
HIDDEN void journal_end(int saved_errno);
HIDDEN void journal_create(const char *path, int fd);
HIDDEN void journal_write(int fd, int64_t offset, const void *bytes, size_t count);
HIDDEN void journal_zeros(int fd, int64_t offset, int64_t length);
HIDDEN void journal_truncate(int fd, int64_t size);
HIDDEN void journal_sync(int fd);
HIDDEN void journal_names(char type, const char *from, const char *to);
