/*
 * MD5 (RFC 1321) of several messages of one length at once, one in each 32-bit lane of the vector registers: a single message can't use
 * them at all, since each step waits for the one before. Plain GNU C: the compiler makes the vector instructions. Built by scripts/build.mjs;
 * without it, or on other processors, OpenSSL does it. As a digest against damage on the way, which is all that S3 has it for.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK = 64, WORDS = 16, DIGEST = 16, LENGTH_FIELD = 8 };

#define ROTATE(x, n) (((x) << (n)) | ((x) >> (32 - (n))))
#define F(x, y, z) (z ^ (x & (y ^ z)))
#define G(x, y, z) (y ^ (z & (x ^ y)))
#define H(x, y, z) (x ^ y ^ z)
#define I(x, y, z) (y ^ (x | ~z))

/* One step; what does not depend on the step before is added first, so that it is ready. */
#define STEP(f, a, b, c, d, word, n, k) a = (a + (w[word] + k)) + f(b, c, d), a = ROTATE(a, n) + b
#define FOUR(f, w0, w1, w2, w3, n0, n1, n2, n3, k0, k1, k2, k3)                                                        \
  STEP(f, a, b, c, d, w0, n0, k0), STEP(f, d, a, b, c, w1, n1, k1), STEP(f, c, d, a, b, w2, n2, k2),                   \
      STEP(f, b, c, d, a, w3, n3, k3)

/* Defines NAME(messages, length, digests), which hashes LANES messages; VECTOR holds as many 32-bit words. */
#define DEFINE_MD5(NAME, VECTOR, LANES, TARGET)                                                                        \
  TARGET static void NAME##_blocks(VECTOR state[4], const uint8_t *const message[LANES], size_t blocks) {              \
    VECTOR a = state[0], b = state[1], c = state[2], d = state[3];                                                     \
    for (size_t block = 0; block < blocks; block++) {                                                                  \
      VECTOR w[WORDS];                                                                                                 \
      for (int i = 0; i < WORDS; i++)                                                                                  \
        for (int lane = 0; lane < LANES; lane++) {                                                                     \
          uint32_t word;                                                                                               \
          memcpy(&word, message[lane] + block * BLOCK + i * sizeof word, sizeof word);                                 \
          w[i][lane] = word;                                                                                           \
        }                                                                                                              \
      const VECTOR a0 = a, b0 = b, c0 = c, d0 = d;                                                                     \
      FOUR(F, 0, 1, 2, 3, 7, 12, 17, 22, 0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee);                              \
      FOUR(F, 4, 5, 6, 7, 7, 12, 17, 22, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501);                              \
      FOUR(F, 8, 9, 10, 11, 7, 12, 17, 22, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be);                            \
      FOUR(F, 12, 13, 14, 15, 7, 12, 17, 22, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821);                          \
      FOUR(G, 1, 6, 11, 0, 5, 9, 14, 20, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa);                              \
      FOUR(G, 5, 10, 15, 4, 5, 9, 14, 20, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8);                             \
      FOUR(G, 9, 14, 3, 8, 5, 9, 14, 20, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed);                              \
      FOUR(G, 13, 2, 7, 12, 5, 9, 14, 20, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a);                             \
      FOUR(H, 5, 8, 11, 14, 4, 11, 16, 23, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c);                            \
      FOUR(H, 1, 4, 7, 10, 4, 11, 16, 23, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70);                             \
      FOUR(H, 13, 0, 3, 6, 4, 11, 16, 23, 0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05);                             \
      FOUR(H, 9, 12, 15, 2, 4, 11, 16, 23, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665);                            \
      FOUR(I, 0, 7, 14, 5, 6, 10, 15, 21, 0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039);                             \
      FOUR(I, 12, 3, 10, 1, 6, 10, 15, 21, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1);                            \
      FOUR(I, 8, 15, 6, 13, 6, 10, 15, 21, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1);                            \
      FOUR(I, 4, 11, 2, 9, 6, 10, 15, 21, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391);                             \
      a += a0, b += b0, c += c0, d += d0;                                                                              \
    }                                                                                                                  \
    state[0] = a, state[1] = b, state[2] = c, state[3] = d;                                                            \
  }                                                                                                                    \
  TARGET static void NAME(const uint8_t *const message[LANES], size_t length, uint8_t *digests) {                      \
    static const uint32_t initial[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};                               \
    VECTOR state[4];                                                                                                   \
    uint8_t tails[LANES][2 * BLOCK];                                                                                   \
    const uint8_t *tail[LANES];                                                                                        \
    const size_t rest = length % BLOCK;                                                                                \
    const size_t padded = rest < BLOCK - LENGTH_FIELD ? BLOCK : 2 * BLOCK;                                             \
    const uint64_t bits = (uint64_t)length * 8;                                                                        \
    for (int lane = 0; lane < LANES; lane++) {                                                                         \
      for (int i = 0; i < 4; i++) state[i][lane] = initial[i];                                                         \
      memset(tails[lane], 0, sizeof tails[lane]);                                                                      \
      memcpy(tails[lane], message[lane] + (length - rest), rest);                                                      \
      tails[lane][rest] = 0x80;                                                                                        \
      memcpy(tails[lane] + padded - sizeof bits, &bits, sizeof bits);                                                  \
      tail[lane] = tails[lane];                                                                                        \
    }                                                                                                                  \
    NAME##_blocks(state, message, length / BLOCK);                                                                     \
    NAME##_blocks(state, tail, padded / BLOCK);                                                                        \
    for (int lane = 0; lane < LANES; lane++)                                                                           \
      for (int i = 0; i < 4; i++) {                                                                                    \
        const uint32_t word = state[i][lane];                                                                          \
        memcpy(digests + lane * DIGEST + i * sizeof word, &word, sizeof word);                                         \
      }                                                                                                                \
  }

typedef uint32_t Four __attribute__((vector_size(16)));
typedef uint32_t Eight __attribute__((vector_size(32)));

DEFINE_MD5(md5_avx2_four, Four, 4, __attribute__((target("avx2"))))
DEFINE_MD5(md5_avx2_eight, Eight, 8, __attribute__((target("avx2"))))
/* AVX-512 has rotations. */
DEFINE_MD5(md5_avx512_four, Four, 4, __attribute__((target("avx512f,avx512vl"))))
DEFINE_MD5(md5_avx512_eight, Eight, 8, __attribute__((target("avx512f,avx512vl"))))

static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}

/* How many messages this processor hashes at once; 0: none, use something else. */
int backy2_md5_lanes(void) {
  __builtin_cpu_init();
  return has_avx512() || __builtin_cpu_supports("avx2") ? 8 : 0;
}

/* Hashes `count` messages (1 to `lanes`) of `length` bytes each; writes 16 bytes for each. `lanes`: 4 or 8. */
void backy2_md5(uint32_t lanes, const uint8_t *const *messages, uint32_t count, uint64_t length, uint8_t *digests) {
  const uint8_t *message[8];
  uint8_t all[8 * DIGEST];
  const int rotates = has_avx512();
  /* Lanes that are left over repeat the last message. */
  for (uint32_t lane = 0; lane < 8; lane++) message[lane] = messages[lane < count ? lane : count - 1];
  if (lanes < 8 || count <= 4) (rotates ? md5_avx512_four : md5_avx2_four)(message, length, all);
  else (rotates ? md5_avx512_eight : md5_avx2_eight)(message, length, all);
  memcpy(digests, all, (size_t)count * DIGEST);
}
