import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Lab, VersionRow } from './lab.ts';

/** What each version has to restore to: version uid -> sha256 of the bytes of its source. */
export type Oracle = ReadonlyMap<string, string>;

/**
 * The invariant (semantics.md): every row names a blob that is whole; every valid version has all its rows, restores to
 * exactly the bytes that were read, and scrubs clean. Invalid versions may stand around.
 */
export async function checkStore(lab: Lab, oracle: Oracle): Promise<void> {
  await checkRestores(lab, oracle);
  for (const { uid, name } of validVersions(lab)) {
    expect(await lab.run(['scrub', uid]), `scrub of version ${uid} (${name})`).toMatchObject({ code: 0 });
  }
}

/** The same without the scrubs: a restore reads and checks every blob as well. */
export async function checkRestores(lab: Lab, oracle: Oracle): Promise<void> {
  checkRows(lab);
  for (const version of validVersions(lab)) await checkRestore(lab, version, oracle);
}

/** The same, then a full cleanup, which has to leave exactly the blobs that rows name, and the same versions. */
export async function checkStoreAndCleanUp(lab: Lab, oracle: Oracle): Promise<void> {
  await checkStore(lab, oracle);
  const before = lab.dump();
  await lab.ok('cleanup', '-f');
  expect(lab.blobs(), 'blobs after cleanup -f').toEqual(namedBlobs(lab));
  expect(existsSync(join(lab.dataPath, '.tmp')), 'temporary blobs after cleanup -f').toBe(false);
  expect(withoutCandidates(lab.dump()), 'the database after cleanup -f').toEqual(withoutCandidates(before));
}

/** Every row's blob is on disk, with the block's length. */
export function checkRows(lab: Lab): void {
  const bad = lab.blocks().filter(({ uid, size }) => uid !== null && storedBytes(lab.blobPath(uid)) !== size);
  expect(bad, 'rows whose blob is missing or of another length').toEqual([]);
}

/** Uids of the blobs that some row names, sorted. */
export function namedBlobs(lab: Lab): string[] {
  const uids = lab.blocks().flatMap(({ uid }) => (uid === null ? [] : [uid]));
  return [...new Set(uids)].sort();
}

async function checkRestore(lab: Lab, version: VersionRow, oracle: Oracle): Promise<void> {
  const { uid, name, size } = version;
  const expected = oracle.get(uid);
  expect(expected, `what version ${uid} (${name}), which is valid, was made of`).toBeDefined();
  const ids = lab.blocks(uid).map(({ id }) => id);
  expect(ids, `ids of the rows of version ${uid}`).toEqual(Array.from({ length: size }, (_, id) => id));
  expect(await lab.restoredSha256(uid), `sha256 of the restored version ${uid} (${name})`).toBe(expected);
}

function validVersions(lab: Lab): VersionRow[] {
  return lab.versions().filter(({ valid }) => valid === 1);
}

function storedBytes(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** A full cleanup may forget candidates that it deleted. */
function withoutCandidates(dump: Record<string, unknown[]>): Record<string, unknown[]> {
  return { ...dump, deleted_blocks: [] };
}
