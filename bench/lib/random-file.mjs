import { createCipheriv, randomBytes } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 4 * 1024 ** 2;

/**
 * Writes incompressible bytes: a cipher's key stream, several times as fast as the system's
 * generator.
 */
export function writeRandomFile(/** @type {string} */ path, /** @type {number} */ sizeBytes) {
  const cipher = createCipheriv('aes-128-ctr', randomBytes(16), randomBytes(16));
  const zeros = Buffer.alloc(CHUNK_BYTES);
  const fd = openSync(path, 'w');
  try {
    for (let done = 0; done < sizeBytes; done += CHUNK_BYTES) {
      writeSync(fd, cipher.update(zeros.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - done))));
    }
  } finally {
    closeSync(fd);
  }
}
