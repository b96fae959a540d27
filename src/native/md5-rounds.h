/* The rounds of MD5, for vectors of the type Vector: a part of lanes.h. */
#ifndef BACKY2_MD5_CONSTANTS
#define BACKY2_MD5_CONSTANTS

static const uint32_t K[4 * WORDS] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

/* By how many bits the steps of each round rotate, over and over. */
static const int SHIFTS[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

/* Which word each step takes: a multiple of the step's number, plus a start. */
static const int WORD_STEP[4] = {1, 5, 3, 7}, WORD_START[4] = {0, 1, 5, 0};

#endif

#define mix LANES_JOIN(mix, VARIANT)

/* The function of a round: F, G, H and I of the RFC. */
LANES_FUNCTION Vector mix(int round, Vector x, Vector y, Vector z) {
  if (round == 0) return z ^ (x & (y ^ z));
  if (round == 1) return y ^ (z & (x ^ y));
  if (round == 2) return x ^ y ^ z;
  return y ^ (x | ~z);
}

LANES_FUNCTION void compress(Vector state[STATE_WORDS], const uint8_t *const *messages, size_t blocks) {
  Vector a = state[0], b = state[1], c = state[2], d = state[3];
  for (size_t block = 0; block < blocks; block++) {
    Vector w[WORDS];
    load_words(w, messages, block * BLOCK);
    const Vector a0 = a, b0 = b, c0 = c, d0 = d;
#pragma GCC unroll 4
    for (int round = 0; round < 4; round++) {
#pragma GCC unroll 16
      for (int i = 0; i < WORDS; i++) {
        const Vector word = w[(i * WORD_STEP[round] + WORD_START[round]) & 15];
        /* Adds the parts that do not depend on the last step first, so that they are ready. */
        const Vector sum = (a + (word + K[round * WORDS + i])) + mix(round, b, c, d);
        a = d, d = c, c = b, b += rotate_left(sum, SHIFTS[round][i & 3]);
      }
    }
    a += a0, b += b0, c += c0, d += d0;
  }
  state[0] = a, state[1] = b, state[2] = c, state[3] = d;
}

#undef mix
