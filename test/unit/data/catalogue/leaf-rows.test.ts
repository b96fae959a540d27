import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { decodeRows } from '../../../../src/data/catalogue/decode-rows.ts';
import { encodeRows } from '../../../../src/data/catalogue/encode-rows.ts';
import { LeafProblem } from '../../../../src/data/catalogue/odd-rows.ts';
import type { LeafRow } from '../../../../src/data/catalogue/types.ts';
import { KeyBatch } from '../../../../src/data/codec/key-batch.ts';
import { masterKeyOf, unwrapKey, wrapKey } from '../../../../src/data/codec/key-wrap.ts';
import { anyRows } from '../../../support/catalogue/leaf-rows.ts';

const MASTER = randomBytes(32).toString('hex');
const OTHER = randomBytes(32).toString('hex');
const batch = new KeyBatch(masterKeyOf(MASTER));

describe('the rows of a leaf', () => {
  it.each([0, 1, 4_000_000])('come back as they were, in leaf %i, whatever they hold', (index) => {
    for (const [key, wraps] of [
      [MASTER, batch],
      [undefined, undefined],
    ] as const)
      fc.assert(
        fc.property(anyRows(index, key), (rows) => {
          expect(decodeRows(index, encodeRows(index, rows, wraps), wraps)).toEqual(rows);
        }),
      );
  });

  it('have the same bytes in every leaf and each time, wrapped with any master key', () => {
    const other = new KeyBatch(masterKeyOf(OTHER));
    fc.assert(
      fc.property(anyRows(7, MASTER), (rows) => {
        const payload = encodeRows(7, rows, batch);
        expect(encodeRows(7, rows, batch).equals(payload)).toBe(true);
        const elsewhere = decodeRows(9, payload, batch);
        expect(elsewhere.map(({ id }) => id)).toEqual(rows.map(({ id }) => id + 1000));
        expect(encodeRows(9, elsewhere, batch).equals(payload)).toBe(true);
        // With another master key: the same data keys, wrapped with that one.
        const rekeyed = decodeRows(7, payload, other);
        expect(encodeRows(7, rekeyed, other).equals(payload)).toBe(true);
        for (const [i, { envKey }] of rows.entries()) {
          const dataKey = unwrapKey(masterKeyOf(MASTER), envKey ?? '');
          const again = rekeyed[i]?.envKey ?? '';
          if (dataKey === undefined) expect(again).toBe(envKey ?? '');
          else expect(unwrapKey(masterKeyOf(OTHER), again)).toEqual(dataKey);
        }
      }),
    );
  });

  it.each<[what: string, change: (digits: string) => string]>([
    ['has another digit, a capital', (digits) => digits.slice(0, -1) + (digits.endsWith('a') ? 'B' : 'A')],
    ['has a letter that is no digit', (digits) => `g${digits.slice(1)}`],
    ['has a letter that takes two bytes', (digits) => `${digits.slice(1)}é`],
    ['has a letter that becomes a digit when its high byte is cut', (digits) => `${digits.slice(1)}\u0161`],
  ])('come back as they were, if a column of digits %s', (_, change) => {
    const row = (id: number): LeafRow => ({
      ...{ id, uid: newBlobUid(), checksum: 'ab'.repeat(64), size: 4096, valid: true },
      ...{ encVersion: 1, envKey: wrapKey(masterKeyOf(MASTER), randomBytes(32)), nonce: '5c'.repeat(16) },
    });
    for (const column of ['checksum', 'envKey', 'nonce'] as const) {
      const rows = Array.from({ length: 3 }, (_, id) => row(id));
      rows[1] = { ...row(1), [column]: change(row(1)[column] ?? '') };
      expect(decodeRows(0, encodeRows(0, rows, batch), batch)).toEqual(rows);
    }
  });

  it('come back with a data key in small digits, if its text has capitals and opens', () => {
    const envKey = wrapKey(masterKeyOf(MASTER), randomBytes(32));
    const row: LeafRow = {
      ...{ id: 0, uid: newBlobUid(), checksum: 'ab'.repeat(64), size: 4096, valid: true },
      ...{ encVersion: 1, envKey, nonce: '5c'.repeat(16) },
    };
    const payload = encodeRows(0, [{ ...row, envKey: envKey.toUpperCase() }], batch);
    expect(decodeRows(0, payload, batch)).toEqual([row]);
  });

  it('of usual blocks take 139 bytes with SHA-512, and 48 less without encryption; a shorter last block keeps its data key', () => {
    const row = (id: number, size: number): LeafRow => ({
      ...{ id, uid: newBlobUid(), checksum: randomBytes(64).toString('hex'), size, valid: true },
      ...{ encVersion: 1, envKey: wrapKey(masterKeyOf(MASTER), randomBytes(32)), nonce: randomBytes(16).toString('hex') },
    });
    const rows = Array.from({ length: 500 }, (_, i) => row(i, i === 499 ? 1000 : 4096));
    const payload = encodeRows(0, rows, batch);
    expect(payload.length - (8 + 500 + 499 * 139)).toBeLessThan(320);
    expect(decodeRows(0, payload, batch)).toEqual(rows);
    const plain = rows.map((row) => ({ ...row, size: 4096, encVersion: 0, envKey: null, nonce: null }));
    expect(encodeRows(0, plain, undefined)).toHaveLength(8 + 500 + 500 * 91);
  });
});

it('no other bytes than those of a leaf make one fail in another way', () => {
  fc.assert(
    fc.property(anyRows(0, MASTER, 10), fc.nat(), fc.nat(), (rows, at, cut) => {
      const payload = encodeRows(0, rows, batch);
      const bits = Buffer.from(payload);
      bits[at % bits.length] = (bits[at % bits.length] ?? 0) ^ (1 << (at % 8));
      for (const bytes of [bits, payload.subarray(0, cut % payload.length)]) {
        try {
          decodeRows(0, bytes, batch);
        } catch (error) {
          expect(error).toBeInstanceOf(LeafProblem);
        }
      }
    }),
  );
});
