/*
 * MD5 (RFC 1321) in lanes (lanes.h): for S3, which uses it against damage in transit.
 */
#include <stdint.h>
#include <string.h>

typedef uint32_t Word;
enum { BLOCK = 64, STATE_WORDS = 4, LENGTH_FIELD = 8 };
#define ROUNDS "md5-rounds.h"

static const Word INITIAL[STATE_WORDS] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

static inline Word stored(Word word) {
  return word;
}

static inline void put_length(uint8_t *end, uint64_t bits) {
  memcpy(end - sizeof bits, &bits, sizeof bits);
}

#define LANES 4
#define TARGET "avx2"
#define VARIANT avx2_four
#include "lanes.h"

#define LANES 8
#define TARGET "avx2"
#define VARIANT avx2_eight
#include "lanes.h"

/* AVX-512 has rotations. */
#define LANES 4
#define TARGET "avx512f,avx512vl"
#define VARIANT avx512_four
#include "lanes.h"

#define LANES 8
#define TARGET "avx512f,avx512vl"
#define VARIANT avx512_eight
#include "lanes.h"

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}

/* How many messages this processor hashes at once; 0: none, use something else. */
int backy2_md5_lanes(void) {
  __builtin_cpu_init();
  return has_avx512() || __builtin_cpu_supports("avx2") ? 8 : 0;
}

/*
 * Hashes `count` messages of `length` bytes each: 1 to `lanes`, which is 4 or 8 and at most
 * backy2_md5_lanes(). Writes 16 bytes for each into the `digests_size` bytes of `digests`.
 * Returns 0; -1, having done nothing, when the numbers are others.
 */
int backy2_md5(uint32_t lanes, const uint8_t *const *messages, uint32_t count, uint64_t length, uint8_t *digests,
               uint64_t digests_size) {
  if ((lanes != 4 && lanes != 8) || (int)lanes > backy2_md5_lanes() || count > lanes) return -1;
  const int rotates = has_avx512();
  if (lanes == 4 || count <= 4)
    return hash_messages(rotates ? avx512_four : avx2_four, 4, messages, count, length, digests, digests_size);
  return hash_messages(rotates ? avx512_eight : avx2_eight, 8, messages, count, length, digests, digests_size);
}
