import type { Rules } from './rules.ts';
import type { Blob, Leaf, Tables, Uid, Version } from './tables.ts';

/** A block that a commit writes, with the blob that dedup found, or the bytes that were stored. */
export interface Write {
  place: number;
  offset: number;
  found?: number;
  stored?: Uid;
}

/** Adds a version without any block. */
export function createVersion(tables: Tables, image: Version['image']): Version {
  const version = { id: tables.newId(), image, leaves: image.map(() => undefined), valid: false };
  tables.versions.push(version);
  return version;
}

/** Refers to whole leaves of the base, and copies parts of others. */
export function takeOver(
  tables: Tables,
  base: Version,
  version: Version,
  takes: (place: number, offset: number) => boolean,
): void {
  for (const [place, leaf] of base.leaves.entries()) {
    if (leaf === undefined) continue;
    const entries = leaf.entries.map((blob, offset) => {
      const isGood = blob !== 0 && tables.blobs.get(blob)?.valid === true;
      return isGood && base.image[place]?.[offset] === version.image[place]?.[offset] && takes(place, offset) ? blob : 0;
    });
    if (entries.every((blob) => blob === 0)) continue;
    version.leaves[place] = entries.includes(0) ? tables.addLeaf(entries) : leaf;
  }
}

/** Looks for a blob outside of the transaction that will name it. */
export function findBlob(tables: Tables, content: number, rules: Rules): Blob | undefined {
  for (const blob of tables.blobs.values())
    if (blob.content === content && blob.valid && !isRefused(tables, blob.id, rules)) return blob;
  return undefined;
}

/** A group commit. @returns the writes that were refused. */
export function commit(tables: Tables, version: Version, writes: readonly Write[], rules: Rules): Write[] {
  const refused: Write[] = [];
  for (const write of writes) {
    const contents = version.image[write.place] ?? [];
    if (write.found !== undefined) {
      if (rules.refusal && isRefused(tables, write.found, rules)) {
        refused.push(write);
        continue;
      }
      if (rules.rescue) tables.candidates.delete(write.found);
    }
    const blob = write.found ?? addStored(tables, write.stored ?? 0, contents[write.offset] ?? 0, rules);
    const entries = [...(version.leaves[write.place]?.entries ?? contents.map(() => 0))];
    entries[write.offset] = blob;
    setLeaf(tables, version, write.place, entries);
  }
  return refused;
}

function isRefused(tables: Tables, blob: number, { refusesUnused }: Rules): boolean {
  if (refusesUnused) return !tables.isUsable(blob);
  return !tables.blobs.has(blob) || tables.doomed.has(tables.blobs.get(blob)?.uid ?? 0);
}

/** Adds a blob. Bad ones of the same content get its bytes; their old bytes become garbage. */
function addStored(tables: Tables, uid: Uid, content: number, rules: Rules): number {
  const bad = [...tables.blobs.values()].filter((blob) => !blob.valid && blob.content === content);
  for (const blob of bad) {
    tables.addCandidate(tables.addBlob(blob.uid, content, false).id, rules);
    blob.uid = uid;
    blob.valid = true;
  }
  return tables.addBlob(uid, content).id;
}

/** Writes a leaf, or uses another one that is equal. */
function setLeaf(tables: Tables, version: Version, place: number, entries: readonly number[]): void {
  const old = version.leaves[place];
  const isEqual = (other: Leaf) => other.entries.every((blob, offset) => blob === entries[offset]);
  version.leaves[place] = [...tables.leaves.values()].find(isEqual) ?? tables.addLeaf(entries);
  dropUnreferenced(tables, [old]);
}

/** Blocks of a resumed backup that must be written: missing ones, and those of bad blobs. */
export function discardBad(tables: Tables, version: Version, rules: Rules): Write[] {
  const isBad = (blob: number) => tables.blobs.get(blob)?.valid === false;
  for (const [place, leaf] of version.leaves.entries()) {
    if (leaf === undefined || !leaf.entries.some(isBad)) continue;
    for (const blob of leaf.entries) if (isBad(blob)) tables.addCandidate(blob, rules);
    setLeaf(
      tables,
      version,
      place,
      leaf.entries.map((blob) => (isBad(blob) ? 0 : blob)),
    );
  }
  return version.image.flatMap((contents, place) =>
    contents.flatMap((_, offset) => ((version.leaves[place]?.entries[offset] ?? 0) === 0 ? [{ place, offset }] : [])),
  );
}

/** The last transaction. @returns whether the version is valid now. */
export function finish(tables: Tables, version: Version): boolean {
  version.valid = version.leaves.every(
    (leaf) => leaf?.entries.every((blob) => blob !== 0 && tables.blobs.get(blob)?.valid === true) === true,
  );
  return version.valid;
}

/** Entries that the neighbours' leaves at the same place do not have: hints for candidates. */
export function lonelyBlobs(tables: Tables, version: Version): number[] {
  const at = tables.versions.indexOf(version);
  const neighbours = [tables.versions[at - 1], tables.versions[at + 1]];
  return version.leaves.flatMap((leaf, place) =>
    (leaf?.entries ?? []).filter(
      (blob) => blob !== 0 && !neighbours.some((other) => other?.leaves[place]?.entries.includes(blob)),
    ),
  );
}

/** Removes a version with its references, then leaves without any. */
export function remove(tables: Tables, version: Version, lonely: readonly number[], rules: Rules): void {
  tables.versions.splice(tables.versions.indexOf(version), 1);
  dropUnreferenced(tables, version.leaves);
  for (const blob of lonely) tables.addCandidate(blob, rules);
}

function dropUnreferenced(tables: Tables, leaves: readonly (Leaf | undefined)[]): void {
  for (const leaf of leaves) {
    if (leaf === undefined || tables.versions.some((version) => version.leaves.includes(leaf))) continue;
    tables.leaves.delete(leaf.id);
  }
}
