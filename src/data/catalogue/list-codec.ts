import { damagedObject } from './damage.ts';
import type { LeafList } from './types.ts';

const NAME_BYTES = 16;
/** The entry of a leaf without rows. */
const EMPTY = 'f'.repeat(2 * NAME_BYTES);

/** The payload of a list: 16 bytes for each leaf (docs/spec/formats.md §10). */
export function encodeList(list: LeafList): Buffer {
  return Buffer.from(list.map((name) => (name === 'empty' ? EMPTY : name)).join(''), 'hex');
}

/** The inverse of {@link encodeList}. @param name of the object, for errors. */
export function decodeList(name: string, payload: Uint8Array): LeafList {
  if (payload.length % NAME_BYTES !== 0) throw damagedObject(name, `is no list: it has ${payload.length} bytes`);
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('hex');
  return Array.from({ length: payload.length / NAME_BYTES }, (_, i) => {
    const leaf = text.slice(2 * NAME_BYTES * i, 2 * NAME_BYTES * (i + 1));
    return leaf === EMPTY ? 'empty' : leaf;
  });
}
