import { damagedObject } from './damage.ts';
import { problemOfHead } from './head-shape.ts';
import type { ManifestHead } from './types.ts';

const FORMAT = 1;

/** The payload of a head: JSON (docs/spec/formats.md §10), the same for the same content. */
export function encodeHead(head: ManifestHead): Buffer {
  const { version, stats, blockSize, hashFunction, storeId, list, listDigest, changes } = head;
  const { uid, name, snapshotName, date, size, sizeBytes, valid, protected: isProtected, expire, tags } = version;
  const text = JSON.stringify({
    format: FORMAT,
    version: {
      ...{ uid, name, snapshotName, date: toText(date), size, sizeBytes, valid, protected: isProtected },
      ...{ expire: expire === null ? null : toText(expire), tags },
    },
    stats: stats.map(({ date, versionUid, name, size, sizeBytes, counters }) => ({
      ...{ date: toText(date), versionUid, name, size, sizeBytes, counters },
    })),
    ...{ blockSize, hashFunction, storeId, list, listDigest, changes },
  });
  return Buffer.from(text);
}

/**
 * The inverse of {@link encodeHead}.
 * @param name of the object, for errors.
 * @throws BackyError `catalogueDamaged`
 */
export function decodeHead(name: string, payload: Uint8Array): ManifestHead {
  const parsed = parse(name, payload);
  if (typeof parsed !== 'object' || parsed === null) throw damagedObject(name, 'is no head');
  const { format, ...head } = parsed;
  if (format !== FORMAT) throw damagedObject(name, `has format ${String(format)}, which this release does not know`);
  const problem = problemOfHead(name, head);
  if (problem !== undefined) throw damagedObject(name, `is no head: ${problem}`);
  const { version, stats } = head;
  return {
    ...head,
    version: { ...version, date: new Date(version.date), expire: version.expire === null ? null : new Date(version.expire) },
    stats: stats.map((row) => ({ ...row, date: new Date(row.date) })),
  };
}

/** A head as JSON has it: dates are texts. */
function parse(name: string, payload: Uint8Array): ManifestHead & { format: unknown } {
  try {
    return JSON.parse(Buffer.from(payload).toString());
  } catch (error) {
    throw damagedObject(name, 'is no head', error);
  }
}

/** Damaged rows may have a date that is none. */
function toText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'invalid' : date.toISOString();
}
