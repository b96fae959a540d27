import {
  commit,
  createVersion,
  discardBad,
  findBlob,
  finish,
  lonelyBlobs,
  remove,
  takeOver,
  type Write,
} from './backup-steps.ts';
import type { Tables, Version } from './tables.ts';
import type { Program, World } from './world.ts';

function chance({ random }: World, share: number): boolean {
  return random() < share;
}

/** Runs `body` with a version locked, if that is possible; a killed program frees its locks. */
function* holding(world: World, version: Version, mode: 'shared' | 'exclusive', body: () => Program): Program {
  const holders = world.inUse.get(version) ?? 0;
  const isGone = !world.tables.versions.includes(version);
  if (isGone || holders < 0 || (mode === 'exclusive' && holders > 0)) return;
  world.inUse.set(version, mode === 'shared' ? holders + 1 : -1);
  try {
    yield* body();
  } finally {
    world.inUse.set(version, mode === 'shared' ? (world.inUse.get(version) ?? 1) - 1 : 0);
  }
}

/** A backup, hinted if it has a base. */
export function* backup(world: World, image: Version['image'], base: Version | undefined): Program {
  const { tables } = world;
  const version = createVersion(tables, image);
  yield* holding(world, version, 'exclusive', function* () {
    yield `backup ${version.id}: created`;
    if (base !== undefined)
      yield* holding(world, base, 'shared', function* () {
        yield `backup ${version.id}: locked base ${base.id}`;
        takeOver(tables, base, version, () => chance(world, 0.8));
        yield `backup ${version.id}: took over ${base.id}`;
      });
    yield* writeBlocks(world, version);
  });
}

/** Continues an unfinished backup. */
export function* resume(world: World, version: Version): Program {
  yield* holding(world, version, 'exclusive', () => writeBlocks(world, version));
}

/** Looks up, stores and commits blocks in small groups until the version is valid. */
function* writeBlocks(world: World, version: Version): Program {
  const { tables, rules } = world;
  do {
    for (let missing = discardBad(tables, version, rules); missing.length > 0; ) {
      yield `backup ${version.id}: discarded`;
      const group = missing.splice(0, 1 + Math.floor(world.random() * 3));
      const writes: Write[] = [];
      for (const { place, offset } of group) {
        const content = version.image[place]?.[offset] ?? 0;
        const found = findBlob(tables, content, rules);
        writes.push(found === undefined ? store(tables, { place, offset }, content) : { place, offset, found: found.id });
      }
      yield `backup ${version.id}: found and stored`;
      const refused = commit(tables, version, writes, rules);
      yield `backup ${version.id}: committed`;
      const again = refused.map(({ place, offset }) => store(tables, { place, offset }, version.image[place]?.[offset] ?? 0));
      if (again.length === 0) continue;
      yield `backup ${version.id}: stored refused blocks`;
      commit(tables, version, again, rules);
    }
  } while (!finish(tables, version));
  yield `backup ${version.id}: finished`;
}

function store(tables: Tables, at: Pick<Write, 'place' | 'offset'>, content: number): Write {
  const stored = tables.newId();
  tables.bytes.set(stored, content);
  return { ...at, stored };
}

/** `rm`. */
export function* removal(world: World, version: Version): Program {
  yield* holding(world, version, 'exclusive', function* () {
    yield `rm ${version.id}: locked`;
    const lonely = lonelyBlobs(world.tables, version);
    if (!world.rules.removesAtOnce) yield `rm ${version.id}: looked at its neighbours`;
    remove(world.tables, version, world.rules.removesAtOnce ? lonelyBlobs(world.tables, version) : lonely, world.rules);
    yield `rm ${version.id}: removed`;
  });
}

/** A scrub that finds a blob bad, rightly or not: its bytes stay. */
export function* scrub({ tables, random }: World): Program {
  const blobs = [...tables.blobs.values()];
  const blob = blobs[Math.floor(random() * blobs.length)];
  if (blob === undefined) return;
  blob.valid = false;
  yield `scrub: blob ${blob.id} is bad`;
}
