import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { BlockRow, Lab, VersionRow } from './lab.ts';

/** The expected content of each version: version uid -> sha256 of its source. */
type Oracle = ReadonlyMap<string, string>;

/**
 * Checks the invariant (docs/spec/semantics.md §1) without the program: every row names a complete
 * blob. Every valid version has all its rows, all good, and its blobs hold exactly the bytes that
 * were read. Invalid versions may exist. Starts no process; the blobs must be plain.
 */
export function checkStored(lab: Lab, oracle: Oracle): void {
  checkRows(lab);
  for (const version of validVersions(lab)) checkVersionStored(lab, version, oracle);
}

/** The same, and the program restores each valid version to these bytes. */
export async function checkRestores(lab: Lab, oracle: Oracle): Promise<void> {
  checkStored(lab, oracle);
  for (const { uid, name } of validVersions(lab)) {
    expect(await lab.restoredSha256(uid), `sha256 of the restored version ${uid} (${name})`).toBe(oracle.get(uid));
  }
}

/**
 * The same, and scrub finds nothing wrong in the newest version. `checkStored` has covered the
 * others.
 */
async function checkStore(lab: Lab, oracle: Oracle): Promise<void> {
  await checkRestores(lab, oracle);
  const newest = validVersions(lab).at(-1);
  if (newest !== undefined) {
    expect(await lab.run(['scrub', newest.uid]), `scrub of version ${newest.uid} (${newest.name})`).toMatchObject({ code: 0 });
  }
}

/**
 * The same, then a full cleanup. It must leave exactly the blobs that rows name, and the same
 * versions.
 */
export async function checkStoreAndCleanUp(lab: Lab, oracle: Oracle): Promise<void> {
  await checkStore(lab, oracle);
  const before = lab.dump();
  await lab.ok('cleanup', '-f', '--yes-delete', '1000000');
  expect(lab.blobs(), 'blobs after cleanup -f').toEqual(namedBlobs(lab));
  expect(lab.store.leftovers(), 'what stands beside the blobs after cleanup -f').toEqual([]);
  expect(withoutCandidates(lab.dump()), 'the database after cleanup -f').toEqual(withoutCandidates(before));
}

/** Checks that every row's blob is stored, with the block's length. */
function checkRows(lab: Lab): void {
  const stored = lab.store.blobSizes();
  const bad = lab.blocks().filter(({ uid, size }) => uid !== null && stored.get(uid) !== size);
  expect(bad, 'rows whose blob is missing or of another length').toEqual([]);
}

/** Uids of the blobs that some row names, sorted. */
export function namedBlobs(lab: Lab): string[] {
  return namesOf(lab.blocks()).sort();
}

/** Does the checks of `checkStored` for a single version, which must be valid. */
export function checkVersionStored(lab: Lab, { uid, name, size, size_bytes }: VersionRow, oracle: Oracle): void {
  const expected = oracle.get(uid);
  expect(expected, `what version ${uid} (${name}), which is valid, was made of`).toBeDefined();
  const rows = lab.blocks(uid);
  const ids = rows.map(({ id }) => id);
  expect(ids, `ids of the rows of version ${uid}`).toEqual(Array.from({ length: size }, (_, id) => id));
  const blobs = lab.store.readBlobs(namesOf(rows));
  const image = createHash('sha256');
  const bad: number[] = [];
  let length = 0;
  for (const row of rows) {
    const bytes = row.uid === null ? Buffer.alloc(row.size) : (blobs.get(row.uid) ?? Buffer.alloc(0));
    if (row.valid !== 1 || row.checksum !== checksumOf(row, bytes)) bad.push(row.id);
    image.update(bytes);
    length += bytes.length;
  }
  expect(bad, `blocks of version ${uid} (${name}) that are invalid or have another checksum than their blob`).toEqual([]);
  expect(length, `bytes of version ${uid} (${name})`).toBe(size_bytes);
  expect(image.digest('hex'), `sha256 of what is stored for version ${uid} (${name})`).toBe(expected);
}

function checksumOf({ uid }: BlockRow, bytes: Uint8Array): string | null {
  return uid === null ? null : createHash('sha512').update(bytes).digest('hex');
}

function validVersions(lab: Lab): VersionRow[] {
  return lab.versions().filter(({ valid }) => valid === 1);
}

/** Uids of the blobs that rows name, each once. */
function namesOf(rows: readonly BlockRow[]): string[] {
  return [...new Set(rows.flatMap(({ uid }) => uid ?? []))];
}

/** A full cleanup may drop candidates that it deleted. */
function withoutCandidates(dump: Record<string, unknown[]>): Record<string, unknown[]> {
  return { ...dump, deleted_blocks: [] };
}
