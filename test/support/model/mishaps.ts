import { copyFileSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { newStoreId, toStoreFile } from '../../../src/data/store-id.ts';
import { namedBlobs } from '../labs/check-store.ts';
import type { Lab } from '../labs/lab.ts';
import type { Result } from '../program/process.ts';
import { imageOf } from './model-images.ts';
import type { Known } from './operations.ts';
import type { Plan } from './plan.ts';
import type { Versions } from './versions.ts';

/** A mistake of an administrator that is undone later. Happens while nothing else runs. */
export interface Mishap {
  name: string;
  /** @returns a function that undoes it. */
  make(lab: Lab): () => void;
  /** Whether a command may end with this result meanwhile. */
  allows(result: Result): boolean;
  /** Commands may add blobs meanwhile; their versions disappear when the mishap is undone. */
  addsBlobs?: boolean;
}

const isRefused = ({ code, stderr }: Result) => code === 6 && /Nothing was changed\./.test(stderr);

/** Replaces the data folder by another one for a while. */
function instead(lab: Lab, make: (path: string) => void): () => void {
  const aside = `${lab.dataPath}-aside`;
  renameSync(lab.dataPath, aside);
  make(lab.dataPath);
  return () => {
    rmSync(lab.dataPath, { recursive: true });
    renameSync(aside, lab.dataPath);
  };
}

/** Mishaps of a data folder: each command is refused. */
export function folderMishaps(): Mishap[] {
  return [
    { name: 'unmount', make: (lab) => instead(lab, (path) => mkdirSync(path)), allows: isRefused },
    {
      name: "another store's folder",
      make: (lab) =>
        instead(lab, (path) => {
          mkdirSync(path);
          writeFileSync(join(path, 'backy2-store-id'), toStoreFile(newStoreId()));
        }),
      allows: isRefused,
    },
  ];
}

/** Mishaps of a lab on SQLite and files. */
export function fileMishaps(): Mishap[] {
  let earlier: string | undefined;
  return [
    ...folderMishaps(),
    {
      name: 'a copy of the folder whose blobs are gone',
      make: (lab) =>
        instead(lab, (path) => {
          cpSync(join(`${lab.dataPath}-aside`, 'backy2-store-id'), join(path, 'backy2-store-id'), { recursive: true });
        }),
      // Few blobs, or none, are no mass damage. The marks that restore and scrub set are undone
      // with the database.
      allows: ({ code }) => [0, 6, 20, 100].includes(code ?? -1),
      addsBlobs: true,
    },
    {
      name: 'the database of an earlier moment',
      make: (lab) => {
        const [path, now] = [lab.databasePath, `${lab.databasePath}-now`];
        const before = earlier ?? path;
        copyFileSync(path, now);
        if (before !== path) copyFileSync(before, path);
        earlier = `${path}-earlier`;
        copyFileSync(now, earlier);
        return () => renameSync(now, path);
      },
      // It may name blobs that were cleaned up since, or versions that were removed.
      allows: ({ code }) => [0, 6, 20, 100].includes(code ?? -1),
      addsBlobs: true,
    },
  ];
}

/** Where a mishap happens, and the commands that run meanwhile. */
interface Suffering {
  lab: Lab;
  versions: Versions;
  plan: Plan;
  env: Record<string, string>;
}

/**
 * Runs commands while a mishap lasts.
 * @throws Error if a command does what it must not, or if afterwards something differs from before.
 */
export async function sufferMishap(mishap: Mishap, { lab, versions, plan, env }: Suffering): Promise<string[]> {
  // A killed process may have left a write-ahead log; a copy of the database without it is
  // incomplete.
  await lab.ok('ls');
  const before = stateOf(lab);
  const database = mishap.addsBlobs === true ? `${lab.databasePath}-before` : undefined;
  if (database !== undefined) copyFileSync(lab.databasePath, database);
  const undo = mishap.make(lab);
  const results: string[] = [];
  try {
    for (const words of commandsFor(plan, lab, versions)) {
      const result = await lab.start(words, { env, timeoutMs: 120_000 }).ended;
      results.push(`${words.join(' ')}: ${result.code ?? result.signal}`);
      if (!mishap.allows(result) || /Unexpected error/.test(result.stderr))
        throw new Error(`with ${mishap.name}: ${results.at(-1)}\n${result.stdout}\n${result.stderr}`);
    }
  } finally {
    undo();
    if (database !== undefined) renameSync(database, lab.databasePath);
  }
  if (database !== undefined) await forgetAdded(lab);
  const after = stateOf(lab);
  if (!isDeepStrictEqual(after.tables, before.tables)) throw new Error(`${mishap.name}: the database is not as before`);
  const blobs = new Set(after.blobs);
  // Blobs that no row names may disappear: an earlier database has removals that the latest one has
  // already carried out.
  const kept = mishap.addsBlobs === true ? namedBlobs(lab) : before.blobs;
  const gone = kept.filter((uid) => !blobs.has(uid));
  if (gone.length > 0) throw new Error(`${mishap.name}: blobs are gone: ${gone.join(', ')}`);
  if (mishap.addsBlobs !== true && blobs.size > before.blobs.length) throw new Error(`${mishap.name}: blobs were added`);
  return results;
}

/** The catalogue keeps versions that only the database of the mishap had, and their blobs. */
async function forgetAdded(lab: Lab): Promise<void> {
  const only = (await lab.ok('-ms', 'catalogue', '--compare')).split('\n').map((line) => line.split('|'));
  for (const [, name, uid = '', where] of only)
    if (name === 'mishap' && where === 'store') await lab.ok('catalogue', '--forget', uid);
}

/** Three commands, chosen so that each kind gets its turn. */
function commandsFor({ pick, image }: Plan, lab: Lab, versions: Versions): string[][] {
  const source = lab.write('mishap-source', imageOf(image));
  const [version] = versions.in('valid').toSorted(() => pick - 0.5);
  const ofVersion = (words: (known: Known) => string[]) => (version === undefined ? [] : [words(version)]);
  const all = [
    ['backup', `file://${source}`, 'mishap'],
    ['cleanup', '--dangerous-force'],
    ['scrub', '--oldest', '50'],
    ...ofVersion(({ uid }) => ['scrub', uid]),
    ...ofVersion(({ uid }) => ['restore', '-f', uid, `file://${lab.write('mishap-target', '')}`]),
    // From the version's own image: unchanged blocks must come from the base.
    ...ofVersion(({ uid, image: own }) => [
      ...['backup', '-r', lab.write('mishap-hints', '[]'), '-f', uid],
      ...[`file://${lab.write('mishap-own', own)}`, 'mishap'],
    ]),
  ];
  const first = Math.floor(pick * all.length);
  return [0, 1, 2].flatMap((step) => all.slice((first + step) % all.length, ((first + step) % all.length) + 1));
}

function stateOf(lab: Lab) {
  return { tables: lab.dump(), blobs: lab.blobs() };
}
