import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/nbd/byte-queue.ts';

describe('ByteQueue', () => {
  it('returns bytes in order, in whatever lengths they come and are taken', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9 })), fc.array(fc.nat({ max: 12 })), (chunks, counts) => {
        const queue = new ByteQueue();
        const all = Buffer.concat(chunks);
        for (const chunk of chunks) queue.push(Buffer.from(chunk));
        let at = 0;
        for (const count of counts) {
          const taken = queue.take(count);
          if (at + count > all.length) expect(taken).toBeUndefined();
          else {
            expect(taken).toEqual(all.subarray(at, at + count));
            at += count;
          }
          expect(queue.length).toBe(all.length - at);
        }
      }),
    );
  });
});
