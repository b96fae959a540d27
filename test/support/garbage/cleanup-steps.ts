import type { Rules } from './rules.ts';
import type { Blob, Tables, Uid } from './tables.ts';

/** Lists all candidates that are not known to be unused. @returns the number of this cleanup. */
export function listCandidates(tables: Tables): number {
  tables.cleanups++;
  for (const candidate of tables.candidates.values()) if (candidate.mark !== 'unused') candidate.mark = tables.cleanups;
  return tables.cleanups;
}

/**
 * Drops a listed candidate that the scan has seen. Marks any other, if it is old enough. A cleanup
 * judges its list in pieces.
 */
export function judgeCandidate(
  tables: Tables,
  blob: number,
  { number, seen, minAge }: { number: number; seen: ReadonlySet<number>; minAge: number },
  { judgesOnlyListed }: Rules,
): void {
  const candidate = tables.candidates.get(blob);
  if (candidate === undefined || candidate.mark === 'unused' || (judgesOnlyListed && candidate.mark !== number)) return;
  if (seen.has(blob)) tables.candidates.delete(blob);
  else if (candidate.time <= tables.now - minAge) candidate.mark = 'unused';
}

/** Dooms the bytes of up to `limit` unused blobs. @returns their uids. */
export function doom(tables: Tables, limit: number, minAge: number, rules: Rules): Uid[] {
  const uids = new Set<Uid>();
  for (const { blob, mark, time } of tables.candidates.values()) {
    const uid = tables.blobs.get(blob)?.uid ?? 0;
    if (mark !== 'unused' || time > tables.now - minAge || tables.doomed.has(uid) || uids.size >= limit) continue;
    if (rules.lastRowOfUid && rowsOf(tables, uid).some((other) => !isUnused(tables, other))) forgetBlob(tables, blob);
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
    for (const blob of rowsOf(tables, uid)) if (isUnused(tables, blob)) forgetBlob(tables, blob.id);
    tables.doomed.delete(uid);
  }
}

function rowsOf({ blobs }: Tables, uid: Uid): Blob[] {
  return [...blobs.values()].filter((blob) => blob.uid === uid);
}

function isUnused({ candidates }: Tables, { id }: Blob): boolean {
  return candidates.get(id)?.mark === 'unused';
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

/** Uids in the data backend that only unused blobs have, or none. */
export function unnamedUids(tables: Tables): Uid[] {
  return [...tables.bytes.keys()].filter((uid) => rowsOf(tables, uid).every((blob) => isUnused(tables, blob)));
}
