import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { treeOf } from '../support/images/trees.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;
const IMAGE = noise(20 * BLOCK, 'image');

filesOnly('blob folder', () => {
  let lab: Lab;
  let uid: string;
  beforeEach(async () => {
    lab = await Lab.create();
    uid = await lab.backup(`file://${lab.write('image', IMAGE)}`, 'vm');
    await lab.ok('export', uid, lab.path('export.csv'));
  });
  afterEach(() => lab.remove());

  const removeDatabase = () => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${lab.databasePath}${end}`, { force: true });
  };
  /** Files only: check-storage leaves empty folders. */
  const filesIn = (folder: string) => Object.entries(treeOf(folder)).filter(([, what]) => what.includes(' '));
  /** The catalogue follows the database. */
  const files = () => filesIn(lab.dataPath).filter(([path]) => !path.startsWith('backy2-catalogue/'));
  const storeFile = () => readFileSync(join(lab.dataPath, 'backy2-store-id'), 'utf8').split(' ')[0];
  const keptId = () => lab.query<{ id: string }>('SELECT id FROM backy2_store')[0]?.id;

  describe('beside the blobs of a lost database', () => {
    test.each([['ls'], ['backup', 'file://image', 'vm'], ['scrub', '--all'], ['cleanup', '-f'], ['import', 'export.csv']])(
      '%s names the loss, and not initdb as the way out',
      async (...words) => {
        removeDatabase();
        const before = files();
        const result = await lab.run(words);
        expectFailure(
          result,
          1,
          /there is no such file, but the data backend .* holds blobs.* was lost or moved.*from the catalogue with "backy2 rebuild-db"/,
        );
        expect(result.stderr).not.toContain('initdb');
        expect(files()).toEqual(before);
        expect(existsSync(lab.databasePath)).toBe(false);
      },
    );

    test('initdb works with a WARNING and takes over the id; cleanup -f is refused until an import names the blobs', async () => {
      removeDatabase();
      const before = files();
      const { code, stdout, stderr } = await lab.run(['initdb']);
      expect(code, stderr).toBe(0);
      expect(stdout + stderr).toMatch(
        /WARNING: The data backend .* holds blobs already, which belong to a database that is not this new one/,
      );
      expect(keptId()).toBe(storeFile());
      expectFailure(await lab.run(['cleanup', '-f']), 100, /names no blob at all/);
      expect(files()).toEqual(before);
      await lab.ok('import', lab.path('export.csv'));
      expect(lab.version(uid).valid).toBe(1);
      await lab.ok('cleanup', '-f');
      expect(files()).toEqual(before);
      await lab.ok('scrub', uid);
      await lab.backup(`file://${lab.path('image')}`, 'vm');
    });

    test('initdb gives no id to a store without one, and warns too', async () => {
      removeDatabase();
      rmSync(join(lab.dataPath, 'backy2-store-id'));
      const before = files();
      const { code, stdout, stderr } = await lab.run(['initdb']);
      expect(code).toBe(0);
      expect(stdout + stderr).toMatch(/WARNING: .* holds blobs already/);
      expectFailure(await lab.run(['cleanup', '-f']), 100, /names no blob at all/);
      expect(files()).toEqual(before);
      await lab.ok('import', lab.path('export.csv'));
      expect(lab.version(uid).valid).toBe(1);
    });
  });

  test('a new installation gets a hint at initdb, and initdb says nothing about blobs', async () => {
    removeDatabase();
    rmSync(lab.dataPath, { recursive: true });
    expectFailure(await lab.run(['ls']), 1, /Please run initdb first\. .*on a new installation run: backy2 initdb/);
    const { code, stdout, stderr } = await lab.run(['initdb']);
    expect([code, (stdout + stderr).includes('WARNING')]).toEqual([0, false]);
    expect(existsSync(lab.dataPath)).toBe(false);
  });

  test('initdb does not mind a data backend that is not reached', async () => {
    removeDatabase();
    lab.configure({
      DataBackend: {
        type: 's3',
        endpoint_url: 'http://127.0.0.1:9',
        bucket_name: 'bucket',
        access_key_id: 'a',
        secret_access_key: 's',
      },
    });
    expectFailure(await lab.run(['ls']), 1, /Please run initdb first/);
    await lab.ok('initdb');
  });

  test('the embedded default makes its database with the same WARNING', async () => {
    const home = lab.path('home');
    const run = (...words: string[]) => lab.runBare(words, { env: { HOME: home, XDG_DATA_HOME: lab.path('share') }, cwd: home });
    const state = join(lab.path('share'), 'backy2');
    mkdirSync(state, { recursive: true });
    renameSync(lab.dataPath, join(state, 'data'));
    const { code, stdout, stderr } = await run('ls');
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).toMatch(/WARNING: .* holds blobs already/);
    expect((await run('ls')).stderr).not.toMatch(/WARNING/);
    expectFailure(await run('cleanup', '-f'), 100, /names no blob at all/);
  });

  describe('check-storage', () => {
    const identity = async (): Promise<{
      code: number | null;
      steps: { step: string; requests: number; problem: string | null }[];
    }> => {
      const { code, stdout } = await lab.run(['--json', 'check-storage']);
      return { code, steps: JSON.parse(stdout) };
    };

    test('compares ids and finds a sample of the blobs, and changes nothing', async () => {
      const before = { ...stateOf(lab), files: files() };
      const { code, steps } = await identity();
      expect(code).toBe(0);
      expect(steps[1]).toMatchObject({ step: 'identity', requests: 17, problem: null });
      expect({ ...stateOf(lab), files: files() }).toEqual(before);
    });

    test('finds the folder of another store, and writes nothing to it', async () => {
      const other = await Lab.create();
      await other.backup(`file://${lab.path('image')}`, 'vm');
      lab.configure({ DataBackend: { path: other.dataPath } });
      const before = treeOf(other.dataPath);
      const { code, steps } = await identity();
      expect(code).toBe(100);
      expect(steps.map(({ step }) => step)).toEqual(['reach', 'identity']);
      expect(steps[1]?.problem).toMatch(/is store .* but the database belongs to store/);
      expect(treeOf(other.dataPath)).toEqual(before);
      other.remove();
    });

    test('finds blobs that are missing, and makes no id', async () => {
      renameSync(lab.dataPath, lab.path('away'));
      mkdirSync(lab.dataPath);
      const { code, steps } = await identity();
      expect(code).toBe(100);
      expect(steps[1]?.problem).toMatch(/Of 16 blobs that the database names, 16 are missing/);
      expect(files()).toEqual([]);
    });

    test('works without a database, and creates none', async () => {
      removeDatabase();
      const { code, steps } = await identity();
      expect(code).toBe(0);
      expect(steps.map(({ step }) => step)).not.toContain('identity');
      expect(existsSync(lab.databasePath)).toBe(false);
    });
  });
});
