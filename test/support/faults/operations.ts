import { existsSync, readdirSync, rmSync } from 'node:fs';
import { expect } from 'vitest';
import { checkStored, namedBlobs } from '../check-store.ts';
import type { Sections } from '../config-text.ts';
import { encrypted, KEY_A, KEY_B } from '../encryption.ts';
import { changedRanges } from '../hints.ts';
import { Lab } from '../lab.ts';
import { createOldStore, makeOld } from '../old-store.ts';
import { noise } from '../random.ts';
import { sha256, sha256OfFile } from '../sha256.ts';

export const BLOCK = 4096;

/** A store made ready for an operation: what each valid version has to restore to, by its uid or the name of one that is to come. */
export interface Ready {
  lab: Lab;
  oracle: Map<string, string>;
}

/** An operation of the sweep. */
export interface Operation {
  name: string;
  /** Exit codes that the documentation has for its failures; 0 is always one. */
  codes: readonly number[];
  prepare(): Promise<Ready>;
  /** On top of the lab's config, when the operation runs and after it. */
  config?: Sections;
  command(lab: Lab): string[];
  /** What must hold once it has said that all went well. */
  done(lab: Lab, oracle: ReadonlyMap<string, string>): void;
  /** What a user does after a failure, with a program that works again; ends with `done`. */
  finish(lab: Lab): Promise<void>;
}

const oldImage = Buffer.concat([noise(12 * BLOCK, 'old'), Buffer.alloc(2 * BLOCK), noise(3 * BLOCK + 77, 'old end')]);
const newImage = Buffer.concat([
  ...[oldImage.subarray(0, 5 * BLOCK), noise(4 * BLOCK, 'new'), oldImage.subarray(0, BLOCK)],
  ...[Buffer.alloc(2 * BLOCK), oldImage.subarray(12 * BLOCK), noise(2 * BLOCK, 'growth')],
]);

/** Two versions, `first` and `other`, which share blocks; a source for a third. */
async function basic(config: Sections = {}): Promise<Ready & { first: string }> {
  const lab = await Lab.create({ blockSize: BLOCK, workers: 1, config });
  const other = Buffer.concat([oldImage.subarray(0, 4 * BLOCK), noise(2 * BLOCK, 'other')]);
  const first = await lab.backup(`file://${lab.write('old', oldImage)}`, 'first');
  const otherUid = await lab.backup(`file://${lab.write('otherimage', other)}`, 'other');
  lab.write('source', newImage);
  lab.write('source.hints', JSON.stringify(changedRanges(oldImage, newImage)));
  const oracle = new Map([
    [first, sha256(oldImage)],
    [otherUid, sha256(other)],
    ['new', sha256(newImage)],
    ['first', sha256(oldImage)],
  ]);
  return { lab, oracle, first };
}

const uidNamed = (lab: Lab, name: string) => lab.versions().find((version) => version.name === name)?.uid;
const first = (lab: Lab) => uidNamed(lab, 'first') ?? 'gone';

/** The new version is there and valid. */
function newIsDone(lab: Lab): void {
  expect(lab.versions().filter(({ name, valid }) => name === 'new' && valid === 1).length, 'valid new versions').toBeGreaterThan(
    0,
  );
}

/** A user continues what is there of it, or starts again. */
async function continueNew(lab: Lab, words: readonly string[]): Promise<void> {
  const left = lab.versions().find(({ name, valid }) => name === 'new' && valid === 0);
  if (left !== undefined) await lab.ok('backup', '-c', left.uid, ...words);
  else if (uidNamed(lab, 'new') === undefined) await lab.ok('backup', ...words);
  newIsDone(lab);
}

const plainWords = (lab: Lab) => [`file://${lab.path('source')}`, 'new'];
const hintedWords = (lab: Lab) => ['-r', lab.path('source.hints'), '-f', first(lab), ...plainWords(lab)];

/** A backup that stopped half way: rows of the second half are missing, and it is invalid. */
async function halfDone(): Promise<Ready> {
  const ready = await basic();
  const uid = await ready.lab.backup(...plainWords(ready.lab));
  ready.lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id > 7', uid);
  ready.lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', uid);
  ready.lab.sql('DELETE FROM stats WHERE version_uid = ?', uid);
  return ready;
}

async function removed(): Promise<Ready> {
  const ready = await basic();
  await ready.lab.ok('export', ready.first, ready.lab.path('export.csv'));
  await ready.lab.ok('rm', ready.first);
  return ready;
}

const onlyNamedBlobs = (lab: Lab) => expect(lab.blobs(), 'blobs after the cleanup').toEqual(namedBlobs(lab));
const isRestored = (lab: Lab) => expect(sha256OfFile(lab.path('target')), 'the target').toBe(sha256(oldImage));

const BACKUP_CODES = [1, 6, 100];

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'backup',
    codes: BACKUP_CODES,
    prepare: basic,
    command: (lab) => ['backup', ...plainWords(lab)],
    done: newIsDone,
    finish: (lab) => continueNew(lab, plainWords(lab)),
  },
  {
    name: 'backup, hinted',
    codes: BACKUP_CODES,
    prepare: basic,
    command: (lab) => ['backup', ...hintedWords(lab)],
    done: newIsDone,
    finish: (lab) => continueNew(lab, hintedWords(lab)),
  },
  {
    name: 'backup, continued',
    codes: BACKUP_CODES,
    prepare: halfDone,
    command: (lab) => ['backup', '-c', uidNamed(lab, 'new') ?? 'gone', ...plainWords(lab)],
    done: newIsDone,
    finish: (lab) => continueNew(lab, plainWords(lab)),
  },
  {
    name: 'restore',
    codes: [1, 6, 20, 100],
    prepare: basic,
    command: (lab) => ['restore', first(lab), `file://${lab.path('target')}`],
    done: isRestored,
    finish: async (lab) => {
      await lab.ok('restore', '-f', first(lab), `file://${lab.path('target')}`);
      isRestored(lab);
      await lab.ok('scrub', first(lab));
    },
  },
  {
    name: 'restore, over a file',
    codes: [1, 6, 20, 100],
    prepare: async () => {
      const ready = await basic();
      ready.lab.write('target', noise(oldImage.length, 'before'));
      return ready;
    },
    command: (lab) => ['restore', '-f', first(lab), `file://${lab.path('target')}`],
    done: isRestored,
    finish: async (lab) => {
      await lab.ok('restore', '-f', first(lab), `file://${lab.path('target')}`);
      isRestored(lab);
      await lab.ok('scrub', first(lab));
    },
  },
  {
    name: 'scrub',
    codes: [1, 6, 20, 100],
    prepare: basic,
    command: (lab) => ['scrub', first(lab)],
    done: () => {},
    finish: async (lab) => {
      await lab.ok('scrub', first(lab));
    },
  },
  {
    name: 'rm',
    codes: [1, 100],
    prepare: basic,
    command: (lab) => ['rm', first(lab)],
    done: (lab) => expect(uidNamed(lab, 'first')).toBeUndefined(),
    finish: async (lab) => {
      if (uidNamed(lab, 'first') !== undefined) await lab.ok('rm', first(lab));
    },
  },
  {
    name: 'cleanup',
    codes: [1, 6, 100],
    prepare: removed,
    command: () => ['cleanup', '--dangerous-force'],
    done: () => {},
    finish: async (lab) => {
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.dump().deleted_blocks).toEqual([]);
      onlyNamedBlobs(lab);
    },
  },
  {
    name: 'cleanup -f',
    codes: [1, 6, 100],
    prepare: removed,
    command: () => ['cleanup', '-f'],
    done: () => {},
    finish: async (lab) => {
      await lab.ok('cleanup', '-f');
      onlyNamedBlobs(lab);
    },
  },
  {
    name: 'export',
    codes: [1, 100],
    prepare: basic,
    command: (lab) => ['export', first(lab), lab.path('export.csv')],
    done: (lab) => expect(existsSync(lab.path('export.csv')), 'the export').toBe(true),
    finish: async (lab) => {
      // What is there under its name is whole.
      if (!existsSync(lab.path('export.csv'))) await lab.ok('export', first(lab), lab.path('export.csv'));
      await lab.ok('rm', first(lab));
      await lab.ok('import', lab.path('export.csv'));
    },
  },
  {
    name: 'import',
    codes: [1, 23, 100],
    prepare: removed,
    command: (lab) => ['import', lab.path('export.csv')],
    done: (lab) => expect(uidNamed(lab, 'first')).toBeDefined(),
    finish: async (lab) => {
      if (uidNamed(lab, 'first') === undefined) await lab.ok('import', lab.path('export.csv'));
    },
  },
  {
    name: 'rekey',
    codes: [1, 100],
    prepare: () => basic(encrypted(KEY_A)),
    config: encrypted(KEY_B),
    command: () => ['rekey', KEY_A],
    done: (lab) => expect(lab.versions()).toHaveLength(2),
    finish: async (lab) => {
      const again = await lab.run(['rekey', KEY_A]);
      if (again.code !== 0) expect(again.stderr).toContain('there is nothing to rekey');
    },
  },
  {
    name: 'migrate-encryption',
    codes: [1, 6, 20, 100],
    prepare: basic,
    config: encrypted(KEY_A),
    command: (lab) => ['migrate-encryption', first(lab)],
    done: (lab) => expect(lab.versions().filter(({ name, valid }) => name === 'first' && valid === 1)).toHaveLength(2),
    finish: async (lab) => {
      const copies = lab.versions().filter(({ name }) => name === 'first');
      const origin = copies[0]?.uid ?? 'gone';
      await lab.ok('scrub', origin);
      if (copies.length < 2 || copies.some(({ valid }) => valid === 0)) await lab.ok('migrate-encryption', origin);
    },
  },
  {
    name: 'repair',
    codes: [1, 6, 20, 100],
    prepare: async () => {
      const ready = await basic();
      for (const id of [2, 9]) ready.lab.blobOf(ready.first, id).remove();
      expect((await ready.lab.run(['scrub', ready.first])).code).toBe(20);
      ready.lab.write('source', oldImage);
      return ready;
    },
    command: (lab) => ['repair', first(lab), '-s', `file://${lab.path('source')}`],
    done: (lab) => expect(lab.versions().map(({ valid }) => valid)).toEqual([1, 1]),
    finish: async (lab) => {
      await lab.ok('repair', first(lab), '-s', `file://${lab.path('source')}`);
      for (const { uid, valid } of lab.versions()) if (valid === 0) await lab.ok('scrub', uid);
      expect(lab.versions().map(({ valid }) => valid)).toEqual([1, 1]);
    },
  },
  {
    name: 'upgrade',
    codes: [1, 100],
    prepare: async () => {
      const store = await createOldStore();
      makeOld(store, 'cd3f15ae79f8', 'created');
      return { lab: store.lab, oracle: store.oracle };
    },
    command: () => ['ls'],
    done: (lab) => expect(lab.query('SELECT version_num FROM alembic_version')).toEqual([{ version_num: '30349b678801' }]),
    finish: async (lab) => {
      await lab.ok('ls');
      const copies = readdirSync(lab.folder).filter((name) => name.includes('.before-'));
      expect(copies).toEqual(['backy.sqlite.before-30349b678801']);
    },
  },
  {
    name: 'initdb',
    codes: [1, 100],
    prepare: async () => {
      const ready = await basic();
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${ready.lab.databasePath}${suffix}`, { force: true });
      rmSync(ready.lab.dataPath, { recursive: true });
      return { lab: ready.lab, oracle: ready.oracle };
    },
    command: () => ['initdb'],
    done: (lab) => expect(lab.query('SELECT version_num FROM alembic_version')).toHaveLength(1),
    finish: async (lab) => {
      const again = await lab.run(['initdb']);
      if (again.code !== 0) expect(again.stderr).toMatch(/already/);
      await lab.ok('backup', ...plainWords(lab));
    },
  },
];

/** Whether blobs of the lab are the plain blocks, so that a test can read them itself. */
export function isPlain(lab: Lab): boolean {
  return lab.query('SELECT 1 FROM blocks WHERE enc_version <> 0 LIMIT 1').length === 0;
}

/** The oracle, with the versions that came into being meanwhile, which are known by their names. */
export function knownVersions(lab: Lab, oracle: ReadonlyMap<string, string>): Map<string, string> {
  const known = new Map(oracle);
  for (const { uid, name } of lab.versions()) {
    const sum = oracle.get(uid) ?? oracle.get(name);
    if (sum !== undefined) known.set(uid, sum);
  }
  return known;
}

/** No valid version that does not hold exactly its bytes, no row without its blob. Encrypted ones are read by the program itself. */
export async function checkValidVersions(lab: Lab, oracle: ReadonlyMap<string, string>): Promise<void> {
  const known = knownVersions(lab, oracle);
  if (isPlain(lab)) {
    checkStored(lab, known);
    return;
  }
  for (const { uid, valid } of lab.versions()) {
    if (valid === 1) expect(await lab.restoredSha256(uid), `sha256 of version ${uid}`).toBe(known.get(uid));
  }
}
