import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { expect } from 'vitest';
import type { Layout } from '../../../src/model/layout.ts';
import { noise } from '../images/random.ts';
import { sha256, sha256OfFile } from '../images/sha256.ts';
import { namedBlobs } from '../labs/check-store.ts';
import type { Sections } from '../labs/config-text.ts';
import { encrypted, KEY_A, KEY_B } from '../labs/encryption.ts';
import type { Lab } from '../labs/lab.ts';
import { createOldStore, makeOld } from '../old/old-store.ts';
import { BLOCK, basic, expired, halfDone, oldImage, type Ready, removed } from './ready-stores.ts';

/** An operation of the sweep. */
export interface Operation {
  name: string;
  /** Documented exit codes of its failures; 0 is always allowed. */
  codes: readonly number[];
  prepare(layout: Layout): Promise<Ready>;
  /** The only layout of the database that it is swept with. */
  layout?: Layout;
  /** Added to the lab's config, while the operation runs and after it. */
  config?: Sections;
  command(lab: Lab): string[];
  /**
   * Until it is done, the database is missing or unreadable with this config, and its rows may have
   * other forms than ours.
   */
  readableOnlyAfter?: true;
  /** Checks the result after an exit code of 0. */
  done(lab: Lab, oracle: ReadonlyMap<string, string>): void;
  /** Checks that its message after a failure was true. */
  checkMessage?(lab: Lab, stderr: string): void;
  /** Does what a user does after a failure, with a program that works again; ends with `done`. */
  finish(lab: Lab): Promise<void>;
}

const uidNamed = (lab: Lab, name: string) => lab.versions().find((version) => version.name === name)?.uid;
const first = (lab: Lab) => uidNamed(lab, 'first') ?? 'gone';

/** The new version exists and is valid. */
function newIsDone(lab: Lab): void {
  expect(lab.versions().filter(({ name, valid }) => name === 'new' && valid === 1).length, 'valid new versions').toBeGreaterThan(
    0,
  );
}

/** Resumes the version if it exists, or starts again. */
async function continueNew(lab: Lab, words: readonly string[]): Promise<void> {
  const left = lab.versions().find(({ name, valid }) => name === 'new' && valid === 0);
  if (left !== undefined) await lab.ok('backup', '-c', left.uid, ...words);
  else if (uidNamed(lab, 'new') === undefined) await lab.ok('backup', ...words);
  newIsDone(lab);
}

const removedUid = (lab: Lab) => readFileSync(lab.path('removed'), 'utf8');
const plainWords = (lab: Lab) => [`file://${lab.path('source')}`, 'new'];
const hintedWords = (lab: Lab) => ['-r', lab.path('source.hints'), '-f', first(lab), ...plainWords(lab)];

const onlyNamedBlobs = (lab: Lab) => expect(lab.blobs(), 'blobs after the cleanup').toEqual(namedBlobs(lab));
const isRestored = (lab: Lab) => expect(sha256OfFile(lab.path('target')), 'the target').toBe(sha256(oldImage));

/** By itself, direct I/O takes larger blocks than those of the sweep. */
const DIRECT: Sections = { io_file: { direct_io: 'on' } };

const OLD_REVISION = 'cd3f15ae79f8';
/** 6: the same command can be resumed, or the id of the store was misread. */
const BACKUP_CODES = [1, 6, 100];
const RESTORE_CODES = [1, 6, 20, 100];
const SCRUB_CODES = [1, 6, 20, 100];

const revisionOf = (lab: Lab) => lab.query<{ version_num: string }>('SELECT version_num FROM alembic_version');
const REVISIONS = { classic: [{ version_num: '30349b678801' }], compact: [{ version_num: 'backy2-compact-1' }] };

/** A conversion of the database, by which every version keeps its bytes. */
function conversion(to: Layout): Operation {
  const layout = to === 'compact' ? 'classic' : 'compact';
  return {
    name: `convert-db to ${to}`,
    codes: [1, 100],
    prepare: () => basic(layout),
    layout,
    command: () => ['convert-db', '--to', to],
    done: (lab) => expect(revisionOf(lab)).toEqual(REVISIONS[to]),
    finish: async (lab) => {
      const again = await lab.run(['convert-db', '--to', to]);
      if (again.code !== 0) expect(again.stderr).toMatch(/already/);
      await lab.ok('check-metadata');
    },
  };
}

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
    config: DIRECT,
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
    codes: RESTORE_CODES,
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
    codes: RESTORE_CODES,
    prepare: async (layout) => {
      const ready = await basic(layout);
      ready.lab.write('target', noise(oldImage.length, 'before'));
      return ready;
    },
    config: DIRECT,
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
    codes: SCRUB_CODES,
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
    name: 'prune',
    codes: [1, 100],
    prepare: expired,
    command: () => ['prune'],
    done: (lab) => expect(lab.versions().filter(({ name }) => name === 'first')).toHaveLength(1),
    finish: async (lab) => {
      await lab.ok('prune');
      expect(lab.versions().filter(({ name, valid }) => name === 'first' && valid === 1)).toHaveLength(1);
    },
  },
  {
    name: 'undelete',
    codes: [1, 6, 20, 100],
    prepare: removed,
    command: (lab) => ['undelete', removedUid(lab)],
    done: (lab) => expect(lab.versions().find(({ name }) => name === 'first')?.valid).toBe(1),
    finish: async (lab) => {
      if (uidNamed(lab, 'first') === undefined) await lab.ok('undelete', removedUid(lab));
      expect(lab.versions().find(({ name }) => name === 'first')?.valid).toBe(1);
      await lab.ok('scrub', first(lab));
    },
  },
  {
    name: 'cleanup',
    codes: [1, 100],
    prepare: removed,
    command: () => ['cleanup', '--dangerous-force'],
    done: () => {},
    finish: async (lab) => {
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.candidates()).toEqual([]);
      onlyNamedBlobs(lab);
    },
  },
  {
    name: 'cleanup -f',
    codes: [1, 100],
    prepare: removed,
    command: () => ['cleanup', '-f'],
    done: () => {},
    finish: async (lab) => {
      await lab.ok('cleanup', '-f', '--yes-delete', '1000000');
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
      // A file of that name must be complete.
      if (!existsSync(lab.path('export.csv'))) await lab.ok('export', first(lab), lab.path('export.csv'));
      await lab.ok('rm', first(lab));
      await lab.ok('import', lab.path('export.csv'));
    },
  },
  {
    name: 'import',
    codes: [1, 6, 23, 100],
    prepare: removed,
    command: (lab) => ['import', lab.path('export.csv')],
    done: (lab) => expect(uidNamed(lab, 'first')).toBeDefined(),
    finish: async (lab) => {
      if (uidNamed(lab, 'first') === undefined) await lab.ok('import', lab.path('export.csv'));
    },
  },
  {
    name: 'rekey',
    readableOnlyAfter: true,
    codes: [1, 100],
    prepare: (layout) => basic(layout, encrypted(KEY_A)),
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
    codes: SCRUB_CODES,
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
    codes: SCRUB_CODES,
    prepare: async (layout) => {
      const ready = await basic(layout);
      for (const id of [2, 9]) ready.lab.blobAt(ready.first, id).write(noise(BLOCK, `damage ${id}`));
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
    readableOnlyAfter: true,
    codes: [1, 100],
    layout: 'classic',
    prepare: async () => {
      const store = await createOldStore();
      makeOld(store, OLD_REVISION, 'created');
      return { lab: store.lab, oracle: store.oracle };
    },
    command: () => ['ls'],
    done: (lab) => expect(revisionOf(lab)).toEqual(REVISIONS.classic),
    checkMessage: (lab, stderr) => {
      // A test that only reads cannot roll back the remains of a journal.
      if (!stderr.includes('Nothing was changed') || existsSync(`${lab.databasePath}-journal`)) return;
      expect(lab.query('SELECT version_num FROM alembic_version'), stderr).toEqual([{ version_num: OLD_REVISION }]);
    },
    finish: async (lab) => {
      await lab.ok('ls');
      const copies = readdirSync(lab.folder).filter((name) => name.includes('.before-'));
      expect(copies).toEqual(['backy.sqlite.before-30349b678801']);
    },
  },
  conversion('compact'),
  conversion('classic'),
  {
    name: 'initdb',
    readableOnlyAfter: true,
    codes: [1, 100],
    prepare: async (layout) => {
      const ready = await basic(layout);
      for (const suffix of ['', '-wal', '-shm']) rmSync(`${ready.lab.databasePath}${suffix}`, { force: true });
      for (const uid of ready.lab.blobs()) ready.lab.store.removeBlob(uid);
      return { lab: ready.lab, oracle: ready.oracle };
    },
    command: (lab) => lab.initdb,
    done: (lab) => expect(revisionOf(lab)).toEqual(REVISIONS[lab.layout]),
    finish: async (lab) => {
      const again = await lab.run(lab.initdb);
      if (again.code !== 0) expect(again.stderr).toMatch(/already/);
      await lab.ok('backup', ...plainWords(lab));
    },
  },
];
