import { createHash, createHmac, hkdfSync } from 'node:crypto';

const NAME_DIGITS = 32;

/** Makes the names of folders and leaves (docs/spec/formats.md §10), and seals objects. */
export interface NameMaker {
  /** The key that objects are sealed with; undefined: they are not sealed. */
  readonly sealKey: Buffer | undefined;
  /** The folder of an image name: 32 hex digits. */
  folderOf(imageName: string): string;
  /** The name of a leaf: 32 hex digits. */
  leafName(payload: Uint8Array): string;
}

/** Names of a catalogue that is not encrypted: digests. */
export const plainNames: NameMaker = {
  sealKey: undefined,
  folderOf: (imageName) => createHash('sha256').update(imageName).digest('hex').slice(0, NAME_DIGITS),
  leafName: (payload) => createHash('sha256').update(payload).digest('hex').slice(0, NAME_DIGITS),
};

/**
 * Names of an encrypted catalogue: keyed digests, which tell nothing about contents. @param key the
 * catalogue key. Each use has a key of its own, by HKDF.
 */
export function sealedNames(key: Uint8Array): NameMaker {
  const [folders, leaves] = [derive(key, 'folders'), derive(key, 'leaves')];
  return {
    sealKey: derive(key, 'seal'),
    folderOf: (imageName) => createHmac('sha256', folders).update(imageName).digest('hex').slice(0, NAME_DIGITS),
    leafName: (payload) => createHmac('sha256', leaves).update(payload).digest('hex').slice(0, NAME_DIGITS),
  };
}

/** A key of 32 bytes for one use of the catalogue key. */
export function derive(key: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', `backy2-catalogue-${use}`, 32));
}
