import { fastCleanup, fullCleanup } from './cleanup-programs.ts';
import { Violation } from './rules.ts';
import type { Tables } from './tables.ts';
import type { World } from './world.ts';

/** Every block of every version has its bytes, and nothing is about to delete them. */
export function checkNothingLost(tables: Tables): void {
  for (const version of tables.versions)
    for (const [place, leaf] of version.leaves.entries())
      for (const [offset, id] of (leaf?.entries ?? []).entries()) {
        const problem = id === 0 ? undefined : problemOf(tables, id, version.image[place]?.[offset]);
        if (problem === undefined) continue;
        throw new Violation(
          'lost',
          `${problem}: version ${version.id}, leaf ${leaf?.id} at ${place}, block ${offset}, blob ${id}`,
        );
      }
}

function problemOf({ blobs, bytes, doomed }: Tables, id: number, content: number | undefined): string | undefined {
  const blob = blobs.get(id);
  if (blob === undefined) return 'no row';
  if (bytes.get(blob.uid) !== content) return 'no bytes';
  return doomed.has(blob.uid) ? 'doomed' : undefined;
}

/**
 * When nothing else runs, a cleanup without grace leaves only what versions name, and a full one
 * deletes bytes that never got a row.
 */
export function checkNothingLeaked(world: World): void {
  const { tables } = world;
  for (const _ of fastCleanup(world, 0));
  checkNothingLost(tables);
  if (tables.candidates.size + tables.doomed.size > 0) throw new Violation('leaked', 'a candidate is left');
  for (const { id } of tables.blobs.values()) if (!tables.isNamed(id)) throw new Violation('leaked', `no leaf names blob ${id}`);
  const uids = new Set([...tables.blobs.values()].map(({ uid }) => uid));
  for (const uid of tables.bytes.keys())
    if (!uids.has(uid) && tables.known.has(uid)) throw new Violation('leaked', `bytes ${uid} have no row any more`);
  for (const _ of fullCleanup(world));
  checkNothingLost(tables);
  if (tables.bytes.size !== uids.size) throw new Violation('leaked', 'a full cleanup left bytes');
}
