import fc from 'fast-check';
import { newBlobUid } from '../../../src/data/blob-uid.ts';
import { LEAF_BLOCKS, type LeafRow } from '../../../src/data/catalogue/types.ts';
import { masterKeyOf, wrapKey } from '../../../src/data/codec/key-wrap.ts';

const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((given) => Buffer.from(given).toString('hex'));
const text = fc.string({ unit: 'binary', maxLength: 90 });
const maybe = <T>(given: fc.Arbitrary<T>) => fc.option(given, { freq: 4 });

/**
 * Rows of a block, usual and odd ones. @param masterKey of their wrapped keys; undefined: plain.
 */
function anyRow(masterKey: string | undefined): fc.Arbitrary<Omit<LeafRow, 'id'>> {
  const uid = fc.nat().map(() => newBlobUid());
  const plain = { encVersion: fc.constant(0), envKey: fc.constant(null), nonce: fc.constant(null) };
  const wrapped = (key: string) => hex(32).map((given) => wrapKey(masterKeyOf(key), Buffer.from(given, 'hex')));
  const sealed = (key: string) => ({ encVersion: fc.constant(1), envKey: wrapped(key), nonce: maybe(hex(16)) });
  const sizes = fc.constantFrom(4096, 4096, 4096, 4095, 0);
  const usual = { uid, checksum: hex(64), size: sizes, valid: fc.boolean() };
  const sparse = { uid: fc.constant(null), checksum: fc.constant(null), size: sizes, valid: fc.boolean() };
  const odd = {
    uid: maybe(fc.oneof(uid, text)),
    checksum: maybe(
      fc.oneof(
        hex(64),
        hex(16),
        hex(32).map((given) => given.toUpperCase()),
        text,
      ),
    ),
    size: fc.oneof(sizes, fc.maxSafeInteger()),
    valid: fc.boolean(),
    encVersion: masterKey === undefined ? fc.constant(0) : fc.constantFrom(0, 1, 2),
    envKey:
      masterKey === undefined
        ? fc.constantFrom(null, '')
        : fc.oneof(fc.constantFrom(null, ''), wrapped(masterKey), wrapped('0'.repeat(64)), hex(40), text),
    nonce: maybe(fc.oneof(hex(16), fc.constant(''), text)),
  };
  const encrypted = masterKey === undefined ? [] : [{ weight: 6, arbitrary: fc.record({ ...usual, ...sealed(masterKey) }) }];
  return fc.oneof(
    { weight: 6, arbitrary: fc.record({ ...usual, ...plain }) },
    ...encrypted,
    { weight: 2, arbitrary: fc.record({ ...sparse, ...plain, envKey: fc.constantFrom(null, '') }) },
    { weight: 1, arbitrary: fc.record(odd) },
  );
}

/** The rows of a leaf: some of its blocks have none. */
export function anyRows(index: number, masterKey: string | undefined, maxLength = 40): fc.Arbitrary<LeafRow[]> {
  const placed = fc.tuple(fc.nat(LEAF_BLOCKS - 1), anyRow(masterKey));
  return fc
    .uniqueArray(placed, { minLength: 1, maxLength, selector: ([place]) => place })
    .map((rows) => rows.sort(([a], [b]) => a - b).map(([place, row]) => ({ id: index * LEAF_BLOCKS + place, ...row })));
}
