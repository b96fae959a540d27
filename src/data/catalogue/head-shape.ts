import { folderOfHead, headName, listPrefix } from './names.ts';
import type { ManifestHead } from './types.ts';

/** A value, and the type that it must have. */
type Field = [value: unknown, type: 'string' | 'number' | 'boolean'];

/**
 * Why a value is no head with this name; undefined: it is one. Anybody with access to the store may
 * have written it, and its texts become names of objects and keys of the database.
 * @param head as JSON has it: dates are texts.
 */
export function problemOfHead(name: string, head: ManifestHead): string | undefined {
  const { version, stats, blockSize, hashFunction, storeId, list, listDigest, changes } = head;
  if (!isObject(version) || !Array.isArray(stats) || !stats.every(isObject)) return 'it lacks parts';
  const { uid, name: image, snapshotName, date, size, sizeBytes, valid, protected: isProtected, expire, tags } = version;
  const texts = [uid, image, snapshotName ?? '', date, hashFunction, list, listDigest, expire ?? '', storeId ?? ''];
  const numbers = [size, sizeBytes, blockSize ?? 0, changes ?? 0];
  const fields: Field[] = [
    ...texts.map((value): Field => [value, 'string']),
    ...numbers.map((value): Field => [value, 'number']),
    [valid, 'boolean'],
    [isProtected, 'boolean'],
  ];
  if (!fields.every(([value, type]) => typeof value === type)) return 'a field has another type';
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) return 'its tags are no texts';
  if (headName(uid) !== name) return `it is of version ${uid}`;
  if (!isListOf(uid, list)) return 'it names no list of its version';
  return stats.every(({ versionUid, counters }) => versionUid === uid && isObject(counters))
    ? undefined
    : 'its statistics are those of others';
}

function isListOf(uid: string, list: string): boolean {
  const folder = folderOfHead({ list });
  const prefix = listPrefix(folder, uid);
  return /^[0-9a-f]{32}$/.test(folder) && list.startsWith(prefix) && /^[0-9a-f]{16}$/.test(list.slice(prefix.length));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
