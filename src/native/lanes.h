/*
 * Hashes several messages of one length at once, one in each lane of the vector registers. A single
 * message can't use them well, since each round waits for the one before.
 *
 * Plain GNU C: the compiler makes the vector instructions. scripts/build.mjs builds it; without it,
 * or on other processors, OpenSSL hashes.
 *
 * A template. A hash defines, once:
 *   Word                the hash's word: uint32_t or uint64_t
 *   BLOCK, STATE_WORDS  bytes of a block, words of the state and of the digest
 *   LENGTH_FIELD        bytes of the length at the end of the padding
 *   INITIAL             the state at the start
 *   stored(word)        converts a word to or from the byte order of messages and digests
 *   put_length(end, n)  writes a message's length in bits before `end`
 *   ROUNDS              the file with `compress`, for vectors of type Vector
 * and includes this file once for each kind of vector, after defining:
 *   LANES    messages at once: 4 or 8
 *   TARGET   the instructions to use
 *   VARIANT  the name of the function that results: a HashFunction
 */
#ifndef BACKY2_LANES
#define BACKY2_LANES

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { MOST_LANES = 8, WORDS = 16, DIGEST = STATE_WORDS * sizeof(Word) };

/* Hashes one message a lane, all of `length` bytes; writes one digest a lane. */
typedef void HashFunction(const uint8_t *const *messages, size_t length, uint8_t *digests);

/*
 * Hashes `count` messages with a function of `lanes` lanes; spare lanes repeat the last message.
 * Writes `count` digests. Returns -1, and does nothing, if the numbers don't fit.
 */
static int hash_messages(HashFunction *hash, uint32_t lanes, const uint8_t *const *messages, uint32_t count,
                         uint64_t length, uint8_t *digests, uint64_t digests_size) {
  const uint8_t *message[MOST_LANES];
  uint8_t all[MOST_LANES * DIGEST];
  if (count == 0 || count > lanes || lanes > MOST_LANES || length > SIZE_MAX) return -1;
  if (digests_size < (uint64_t)count * DIGEST) return -1;
  for (uint32_t lane = 0; lane < lanes; lane++) message[lane] = messages[lane < count ? lane : count - 1];
  hash(message, length, all);
  memcpy(digests, all, (size_t)count * DIGEST);
  return 0;
}

#define LANES_JOIN_(name, variant) name##_##variant
#define LANES_JOIN(name, variant) LANES_JOIN_(name, variant)
/* A function of this kind of vector: inlined into VARIANT, so that constants become part of it. */
#define LANES_FUNCTION static inline __attribute__((always_inline, target(TARGET)))

#endif

/* Names of this kind of vector alone. */
#define Vector LANES_JOIN(Vector, VARIANT)
#define rotate_left LANES_JOIN(rotate_left, VARIANT)
#define rotate_right LANES_JOIN(rotate_right, VARIANT)
#define load_words LANES_JOIN(load_words, VARIANT)
#define compress LANES_JOIN(compress, VARIANT)

typedef Word Vector __attribute__((vector_size(LANES * sizeof(Word))));

LANES_FUNCTION Vector rotate_left(Vector x, int bits) {
  return x << bits | x >> (8 * (int)sizeof(Word) - bits);
}

LANES_FUNCTION Vector rotate_right(Vector x, int bits) {
  return rotate_left(x, 8 * (int)sizeof(Word) - bits);
}

/* The words of each message's block at `offset`, one message a lane. */
LANES_FUNCTION void load_words(Vector words[WORDS], const uint8_t *const *messages, size_t offset) {
  for (int i = 0; i < WORDS; i++) {
    Vector column = {0};
    for (int lane = 0; lane < LANES; lane++) {
      Word word;
      memcpy(&word, messages[lane] + offset + i * sizeof word, sizeof word);
      column[lane] = stored(word);
    }
    words[i] = column;
  }
}

#include ROUNDS

__attribute__((target(TARGET))) static void VARIANT(const uint8_t *const *messages, size_t length, uint8_t *digests) {
  Vector state[STATE_WORDS] = {{0}};
  /* The end of each message with its padding: one block, or two where the length does not fit. */
  uint8_t tails[LANES][2 * BLOCK];
  const uint8_t *tail[LANES];
  const size_t rest = length % BLOCK;
  const size_t padded = rest < BLOCK - LENGTH_FIELD ? BLOCK : 2 * BLOCK;
  for (int i = 0; i < STATE_WORDS; i++)
    for (int lane = 0; lane < LANES; lane++) state[i][lane] = INITIAL[i];
  for (int lane = 0; lane < LANES; lane++) {
    memset(tails[lane], 0, sizeof tails[lane]);
    memcpy(tails[lane], messages[lane] + (length - rest), rest);
    tails[lane][rest] = 0x80;
    put_length(tails[lane] + padded, (uint64_t)length * 8);
    tail[lane] = tails[lane];
  }
  compress(state, messages, length / BLOCK);
  compress(state, tail, padded / BLOCK);
  for (int lane = 0; lane < LANES; lane++)
    for (int i = 0; i < STATE_WORDS; i++) {
      const Word word = stored(state[i][lane]);
      memcpy(digests + lane * DIGEST + i * sizeof word, &word, sizeof word);
    }
}

#undef Vector
#undef rotate_left
#undef rotate_right
#undef load_words
#undef compress
#undef LANES
#undef TARGET
#undef VARIANT
