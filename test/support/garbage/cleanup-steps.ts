import type { Rules } from './rules.ts';
import type { Blob, Tables, Uid } from './tables.ts';

/** Lists all candidates. @returns the number of this list: later candidates have a higher one. */
export function listCandidates(tables: Tables): number {
  return tables.listings++;
}

/**
 * Drops a listed candidate that the scan has seen. Marks any other, if it is old enough. A cleanup
 * judges its list in pieces.
 */
export function judgeCandidate(
  tables: Tables,
  blob: number,
  { listing, seen, minAge }: { listing: number; seen: ReadonlySet<number>; minAge: number },
  { judgesOnlyListed }: Rules,
): void {
  const candidate = tables.candidates.get(blob);
  if (candidate === undefined || (judgesOnlyListed && candidate.listing > listing)) return;
  if (seen.has(blob)) tables.candidates.delete(blob);
  else if (candidate.time <= tables.now - minAge) candidate.scanned = true;
}

/** Dooms the bytes of up to `limit` scanned blobs. @returns their uids. */
export function doom(tables: Tables, limit: number, minAge: number, rules: Rules): Uid[] {
  const uids = new Set<Uid>();
  for (const { blob, scanned, time } of tables.candidates.values()) {
    const uid = tables.blobs.get(blob)?.uid ?? 0;
    if (!scanned || time > tables.now - minAge || tables.doomed.has(uid) || uids.size >= limit) continue;
    if (rules.lastRowOfUid && rowsOf(tables, uid).some((other) => !isScanned(tables, other))) forgetBlob(tables, blob);
    else uids.add(uid);
  }
  for (const uid of uids) tables.doomed.add(uid);
  return [...uids];
}

/** Uids that an earlier cleanup has doomed. */
export function leftDoomed({ doomed }: Tables): Uid[] {
  return [...doomed];
}

/** Deletes the rows of blobs whose bytes are gone. */
export function forget(tables: Tables, uids: readonly Uid[]): void {
  for (const uid of uids) {
    for (const blob of rowsOf(tables, uid)) if (isScanned(tables, blob)) forgetBlob(tables, blob.id);
    tables.doomed.delete(uid);
  }
}

function rowsOf({ blobs }: Tables, uid: Uid): Blob[] {
  return [...blobs.values()].filter((blob) => blob.uid === uid);
}

function isScanned({ candidates }: Tables, { id }: Blob): boolean {
  return candidates.get(id)?.scanned === true;
}

function forgetBlob(tables: Tables, id: number): void {
  tables.blobs.delete(id);
  tables.candidates.delete(id);
}

/** The first step of a full cleanup: every blob that no leaf names becomes a candidate. */
export function addUnnamed(tables: Tables, rules: Rules): void {
  for (const { id } of tables.blobs.values())
    if (!tables.isNamed(id) && !tables.candidates.has(id)) tables.addCandidate(id, rules);
}

/** Uids in the data backend that only scanned blobs have, or none. */
export function unnamedUids(tables: Tables): Uid[] {
  return [...tables.bytes.keys()].filter((uid) => rowsOf(tables, uid).every((blob) => isScanned(tables, blob)));
}
