/*
 * Counts the calls of the program by kind and place, and makes one of them fail.
 *
 * FAULTS_UNDER     only calls on this folder and on paths below it count
 * FAULTS_PLACES    substrings of paths, with ':' between them. The first one found is the path's
 *                  place; the last place stands for none of them
 * FAULTS_SERVERS   "PORT=NAME:…": connections to these ports count as a file NAME in the folder
 * FAULTS_COUNTERS  a file of (KINDS * PLACES + 1) 64-bit numbers: calls so far, by kind and place;
 *                  then how often the fault struck
 * FAULTS_RULE      "KIND PLACE CALL ACTION LASTING": numbers, calls from 1. ACTION: an errno's
 *                  number, or one of the words below. LASTING 1: all later calls of that kind and
 *                  place too
 * FAULTS_HANG_MS   how long "hang" takes; then the call goes on
 */
#include "fault-calls.h"

#define PLACES 10
#define SERVERS 4

static char under[PATH_MAX];
static char places[PLACES][64];
static int place_count;
static struct { int port; char name[64]; } servers[SERVERS];
static int server_count;
static uint64_t *counters;
static int rule_kind = -1, rule_place, rule_lasting;
static uint64_t rule_call;
static char rule_action[32];
static int hang_ms = 1000;

static void read_places(const char *text) {
  while (text != NULL && *text != 0 && place_count < PLACES - 1) {
    const char *end = strchrnul(text, ':');
    snprintf(places[place_count++], sizeof places[0], "%.*s", (int)(end - text), text);
    text = *end == 0 ? end : end + 1;
  }
}

static void read_servers(const char *text) {
  while (text != NULL && *text != 0 && server_count < SERVERS) {
    if (sscanf(text, "%d=%63[^:]", &servers[server_count].port, servers[server_count].name) != 2) abort();
    server_count++;
    const char *end = strchrnul(text, ':');
    text = *end == 0 ? end : end + 1;
  }
}

/* The shell that starts the program has the library too, and counts nothing. */
__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("FAULTS_UNDER"), *file = getenv("FAULTS_COUNTERS"), *rule = getenv("FAULTS_RULE");
  if (folder == NULL || file == NULL || strcmp(program_invocation_short_name, "node") != 0) return;
  snprintf(under, sizeof under, "%s", folder);
  read_places(getenv("FAULTS_PLACES"));
  read_servers(getenv("FAULTS_SERVERS"));
  if (getenv("FAULTS_HANG_MS") != NULL) hang_ms = atoi(getenv("FAULTS_HANG_MS"));
  if (rule != NULL && sscanf(rule, "%d %d %lu %31s %d", &rule_kind, &rule_place, &rule_call, rule_action, &rule_lasting) != 5) abort();
  int fd = open(file, O_RDWR);
  if (fd < 0) abort();
  void *map = mmap(NULL, (KINDS * PLACES + 1) * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (map == MAP_FAILED) abort();
  close(fd);
  counters = map;
}

void path_of(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t got = NEXT(readlink)(link, path, PATH_MAX - 1);
  path[got < 0 ? 0 : got] = 0;
  if (server_count == 0 || strncmp(path, "socket:", 7) != 0) return;
  struct sockaddr_storage peer;
  socklen_t length = sizeof peer;
  if (getpeername(fd, (struct sockaddr *)&peer, &length) == 0) path_of_server((struct sockaddr *)&peer, path);
}

void path_of_server(const struct sockaddr *address, char path[PATH_MAX]) {
  path[0] = 0;
  int port = 0;
  if (address->sa_family == AF_INET) port = ntohs(((const struct sockaddr_in *)address)->sin_port);
  if (address->sa_family == AF_INET6) port = ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
  for (int n = 0; n < server_count; n++)
    if (servers[n].port == port) snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 80, under, servers[n].name);
}

static int place_of(const char *path) {
  for (int place = 0; place < place_count; place++)
    if (strstr(path, places[place]) != NULL) return place;
  return PLACES - 1;
}

void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

enum action next_call(enum kind kind, const char *path) {
  size_t length = strlen(under);
  if (counters == NULL || strncmp(path, under, length) != 0 || (path[length] != '/' && path[length] != 0)) return GO_ON;
  int place = place_of(path + length);
  uint64_t call = __atomic_add_fetch(&counters[kind * PLACES + place], 1, __ATOMIC_SEQ_CST);
  if ((int)kind != rule_kind || place != rule_place || call < rule_call || (call > rule_call && !rule_lasting)) return GO_ON;
  __atomic_add_fetch(&counters[KINDS * PLACES], 1, __ATOMIC_SEQ_CST);
  if (strcmp(rule_action, "kill") == 0) die();
  if (strcmp(rule_action, "killafter") == 0) return KILL_AFTER;
  if (strcmp(rule_action, "skip") == 0) return SKIP;
  if (strcmp(rule_action, "short") == 0) return SHORT;
  if (strcmp(rule_action, "end") == 0) return END;
  if (strcmp(rule_action, "flip") == 0) return FLIP;
  if (strcmp(rule_action, "hang") == 0) {
    usleep(hang_ms * 1000);
    return GO_ON;
  }
  errno = atoi(rule_action);
  return FAIL;
}
