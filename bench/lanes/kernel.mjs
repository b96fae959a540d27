import * as crypto from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const PAGE_BYTES = 4096;
const DIGEST_BYTES = 64;
const LIBRARY = fileURLToPath(new URL('../../dist/sha512-lanes.so', import.meta.url));
const koffi = createRequire(import.meta.url)('koffi');

/**
 * The program's SHA-512 of several blocks at once (src/native/sha512-lanes.c), or OpenSSL's of one
 * where it is not built or the processor can't.
 * @returns {{ lanes: number, hash: (blocks: Uint8Array[]) => void }} `hash` takes at most `lanes`
 * blocks, all of one length.
 */
export function openKernel() {
  const library = existsSync(LIBRARY) ? koffi.load(LIBRARY) : undefined;
  const lanes = library?.func('int backy2_sha512_lanes(void)')() ?? 0;
  if (lanes === 0) return { lanes: 1, hash: (blocks) => blocks.forEach(hashOne) };
  const call = library.func(
    'int backy2_sha512(uint32_t lanes, const uint8_t **messages, uint32_t count, uint64_t length, _Out_ uint8_t *digests, uint64_t size)',
  );
  const digests = Buffer.alloc(lanes * DIGEST_BYTES);
  return {
    lanes,
    hash(blocks) {
      if (blocks.length === 0) return;
      const length = blocks[0]?.length ?? 0;
      if (call(lanes, blocks, blocks.length, length, digests, digests.length) !== 0)
        throw new Error('blocks do not fit the lanes');
    },
  };
}

/** Memory that starts on a page, as O_DIRECT needs it (open(2)). @param {number} bytes */
export function alignedBuffer(bytes) {
  const room = Buffer.alloc(bytes + PAGE_BYTES);
  const start = PAGE_BYTES - Number(koffi.address(room) % BigInt(PAGE_BYTES));
  return room.subarray(start, start + bytes);
}

/** @param {Uint8Array} block */
function hashOne(block) {
  crypto.createHash('sha512').update(block).digest();
}
