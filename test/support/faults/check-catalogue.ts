import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Lab } from '../labs/lab.ts';
import { readCatalogue, type StoredVersion } from '../labs/read-catalogue.ts';
import type { Ready } from './ready-stores.ts';

/** Versions that the catalogue restored before each operation. */
const before = new WeakMap<Lab, Promise<string[]>>();

/**
 * Checks that the data backend alone, without the database, has every version that it had before
 * the operation and that is valid still: its manifest names the blobs of exactly its bytes.
 */
export async function checkCatalogue(lab: Lab, { lab: model, oracle }: Ready): Promise<void> {
  // Blobs and objects are read as files.
  if (!lab.isPlain() || lab.store.servers.size > 0) return;
  const there = before.get(model) ?? wholeUids(model);
  before.set(model, there);
  const valid = new Set(lab.versions().flatMap(({ uid, valid }) => (valid === 1 ? uid : [])));
  const expected = (await there).filter((uid) => valid.has(uid));
  const stored = await readCatalogue(lab.dataPath);
  for (const uid of expected) {
    const version = stored.get(uid);
    expect(version?.isRemoved, `the manifest of version ${uid} is marked as removed`).toBe(false);
    if (version !== undefined)
      expect(imageOf(lab, version), `sha256 by the manifest of ${uid}`).toBe(
        oracle.get(uid) ?? oracle.get(version.head.version.name),
      );
  }
  // A new version is there before it is valid.
  for (const [uid, version] of stored) {
    const sum = oracle.get(version.head.version.name);
    if (sum === undefined || oracle.has(uid) || version.isRemoved || !version.head.version.valid) continue;
    expect(imageOf(lab, version), `sha256 by the manifest of ${uid}, which is new`).toBe(sum);
  }
}

async function wholeUids(lab: Lab): Promise<string[]> {
  const stored = await readCatalogue(lab.dataPath);
  return [...stored].flatMap(([uid, { head, isRemoved }]) => (head.version.valid && !isRemoved ? uid : []));
}

function imageOf(lab: Lab, { rows }: StoredVersion): string {
  const blobs = lab.store.readBlobs(rows.flatMap(({ uid }) => uid ?? []));
  const image = createHash('sha256');
  for (const { uid, size } of rows) image.update(uid === null ? Buffer.alloc(size) : (blobs.get(uid) ?? ''));
  return image.digest('hex');
}
