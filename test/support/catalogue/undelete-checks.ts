import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { LeafRow } from '../../../src/data/catalogue/types.ts';
import { blobPath } from '../../../src/data/file/blob-paths.ts';
import type { TaggedVersion } from '../../../src/model/version.ts';
import type { CatalogueLab } from '../labs/catalogue-lab.ts';

/** A version before its removal. */
export interface VersionBefore {
  version: TaggedVersion;
  rows: LeafRow[];
}

/** The files of the blobs of rows. */
export function blobPaths(lab: CatalogueLab, rows: readonly (Pick<LeafRow, 'uid'> | undefined)[]): string[] {
  return rows.flatMap((row) => (row?.uid ? blobPath(lab.core.dataPath, row.uid) : []));
}

/**
 * A version is in the database as it was, each blob has its bytes, and the catalogue has it too.
 */
export async function isWholeAgain(lab: CatalogueLab, uid: string, { version, rows }: VersionBefore): Promise<void> {
  expect(await lab.core.version(uid)).toEqual(version);
  expect(await lab.rows(uid)).toEqual(rows);
  for (const row of rows) {
    if (row.uid === null) continue;
    const [path = ''] = blobPaths(lab, [row]);
    expect(createHash('sha512').update(readFileSync(path)).digest('hex'), `blob of block ${row.id}`).toBe(row.checksum);
  }
  await lab.flush();
  const stored = await lab.storedVersion(uid);
  expect([stored.isRemoved, stored.head.version, stored.rows]).toEqual([false, version, rows]);
}
