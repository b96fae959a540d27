/*
 * Feeds one of the lane files of src/native, which is compiled into it with the sanitizers:
 *   cc -fsanitize=address,undefined -DLANES_FILE=PATH_IN_QUOTES -DHASH=md5 lanes-driver.c
 *
 * stdin: records of lanes, count and length (32 bits each, as the machine has them), then `count`
 * messages of `length` bytes. stdout: a line for each record: the digests in hex, or `refused`.
 * Each message lies in memory of its own, of its length alone, so that a byte beside it is noticed.
 */
#include LANES_FILE

#include <stdio.h>
#include <stdlib.h>

#define JOIN_(a, b, c) a##b##c
#define JOIN(a, b, c) JOIN_(a, b, c)

enum { MOST_MESSAGES = 16 };

static void *allocate(size_t bytes) {
  void *memory = malloc(bytes);
  if (memory == NULL && bytes > 0) abort();
  return memory;
}

int main(void) {
  uint32_t record[3];
  fprintf(stderr, "%d lanes\n", JOIN(backy2_, HASH, _lanes)());
  while (fread(record, sizeof record, 1, stdin) == 1) {
    const uint32_t lanes = record[0], count = record[1], length = record[2];
    uint8_t *messages[MOST_MESSAGES];
    if (count > MOST_MESSAGES) abort();
    for (uint32_t i = 0; i < count; i++) {
      messages[i] = allocate(length);
      if (length > 0 && fread(messages[i], length, 1, stdin) != 1) abort();
    }
    uint8_t *digests = allocate((size_t)count * DIGEST);
    if (JOIN(backy2_, HASH, )(lanes, (const uint8_t *const *)messages, count, length, digests, (uint64_t)count * DIGEST) != 0)
      fputs("refused", stdout);
    else
      for (size_t i = 0; i < (size_t)count * DIGEST; i++) printf("%02x", digests[i]);
    putchar('\n');
    for (uint32_t i = 0; i < count; i++) free(messages[i]);
    free(digests);
  }
  return 0;
}
