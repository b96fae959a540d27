import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { asUser, needUser } from '../support/labs/as-user.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, uidOf, withLab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { lacking } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needUser());
const BLOCK = 4096;

let lab: Lab;
let uid: string;
const image = noise(20 * BLOCK, 'image');
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
});
afterEach(() => lab.remove());

/** Sets the mode of the blob folder and of all folders below it. */
function setFolderModes(mode: number): void {
  chmodSync(lab.dataPath, 0o755);
  for (const entry of readdirSync(lab.dataPath, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), mode);
  chmodSync(lab.dataPath, mode);
}

test.skipIf(skip || process.getuid?.() !== 0)(`users of a group share an installation with file_mode 0660${note}`, async () => {
  const shared = new Lab({ blockSize: BLOCK, workers: 1, config: { DEFAULTS: { file_mode: '0660' } } });
  try {
    rmSync(shared.dataPath, { recursive: true, force: true });
    shared.write('image', image);
    const one = asUser(shared);
    const other = one.map((word) => word.replace(/^--reuid=.*/, '--reuid=65533'));
    for (const path of [shared.folder, shared.path('locks')]) chmodSync(path, 0o770);
    const run = async (prefix: string[], ...args: string[]) => {
      const { code, stdout, stderr } = await shared.run(args, { prefix });
      expect({ code, stderr }, args.join(' ')).toEqual({ code: 0, stderr: '' });
      return stdout;
    };
    await run(one, 'initdb');
    const first = uidOf(await run(one, '-m', 'backup', `file://${shared.path('image')}`, 'vm'));
    shared.write('image', noise(20 * BLOCK, 'other'));
    const second = uidOf(await run(other, '-m', 'backup', `file://${shared.path('image')}`, 'vm'));
    await run(one, 'scrub', second);
    await run(other, 'rm', first);
    await run(one, 'cleanup', '-f');
    await run(other, 'scrub', second);
    // A file that another user of the group replaces keeps its mode.
    await run(one, 'export', second, shared.path('export'));
    chmodSync(shared.path('export'), 0o640);
    await run(other, 'export', second, shared.path('export'));
    expect(statSync(shared.path('export'))).toMatchObject({ uid: 65533, mode: 0o100640 });
  } finally {
    shared.remove();
  }
});

describe('permission denied', () => {
  test.skipIf(skip)(`for the source: exit 100, no version${note}`, async () => {
    chmodSync(lab.path('image'), 0o000);
    const prefix = asUser(lab, 'image');
    const result = await lab.run(['backup', `file://${lab.path('image')}`, 'vm'], { prefix });
    expectFailure(result, 100, `Cannot open source ${lab.path('image')}: EACCES`);
    expect(lab.versions()).toHaveLength(1);
  });

  test.skipIf(skip)(`to write in the blob folder: exit 6, the version is resumed later${note}`, async () => {
    lab.write('image', noise(20 * BLOCK, 'other'));
    const prefix = asUser(lab);
    setFolderModes(0o555);
    const failed = await lab.run(['-m', 'backup', `file://${lab.path('image')}`, 'vm'], { prefix });
    expectFailure(failed, 6, /Cannot store blob \w+ in .*: EACCES/);
    setFolderModes(0o755);
    const next = uidOf(failed.stdout);
    expect(lab.version(next).valid).toBe(0);
    await lab.run(['backup', '-c', next, `file://${lab.path('image')}`, 'vm'], { prefix: asUser(lab) });
    expect(await lab.restoredSha256(next)).toBe(sha256OfFile(lab.path('image')));
  });

  test.skipIf(skip)(`to read the blob folder: exit 6, nothing is begun${note}`, async () => {
    const before = lab.dump();
    const prefix = asUser(lab, 'data');
    for (const mode of [0o555, 0o700]) {
      chmodSync(lab.dataPath, mode);
      const failed = await lab.run(['backup', `file://${lab.path('image')}`, 'vm'], { prefix });
      expectFailure(failed, 6, `Cannot read the store's id in ${lab.dataPath}: EACCES`);
      expect(lab.dump()).toEqual(before);
    }
  });

  test.skipIf(skip)(
    `for a blob: restore exits 6, scrub fails, and both mark nothing, because the blob may be good${note}`,
    async () => {
      const before = lab.dump();
      const prefix = asUser(lab, 'data');
      chmodSync(lab.dataPath, 0o700);
      for (const args of [
        ['restore', uid, `file://${lab.path('target')}`],
        ['scrub', uid],
      ]) {
        const result = await lab.run(args, { prefix });
        expect(result.stderr).toMatch(/ERROR: .*EACCES/);
        expect(args[0] === 'restore' ? [6] : [6, 100]).toContain(result.code);
      }
      expect(lab.dump()).toEqual(before);
      await lab.ok('scrub', uid);
    },
  );

  test.skipIf(skip)(`for the restore target: exit 100${note}`, async () => {
    const prefix = asUser(lab);
    mkdirSync(lab.path('closed'), { mode: 0o755 });
    if (prefix.length === 0) chmodSync(lab.path('closed'), 0o555);
    const target = lab.path('closed/target');
    expectFailure(await lab.run(['restore', uid, `file://${target}`], { prefix }), 100, `Cannot open target ${target}: EACCES`);
    expect(lab.version(uid).valid).toBe(1);
  });

  test.skipIf(skip)(`to write to the store: it is read, a WAL of a killed program included${note}`, async () => {
    const prefix = asUser(lab, 'backy.sqlite', 'data', 'locks');
    await tool('chmod', '-R', 'a+rX', lab.dataPath);
    const target = `file://${lab.path('target')}`;
    const before = sha256OfFile(lab.databasePath);
    const names = readdirSync(lab.folder);
    expect((await lab.run(['restore', uid, target], { prefix })).code).toBe(0);
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(image));
    expect((await lab.run(['scrub', uid], { prefix })).stdout).toContain("whose blocks are all good, can't be marked");
    expectFailure(await lab.run(['protect', uid], { prefix }), 1, "can't be written: no permission to write to");
    expect(sha256OfFile(lab.databasePath)).toBe(before);

    const writer = new Database(lab.databasePath);
    writer.pragma('journal_mode = WAL');
    writer.exec("UPDATE versions SET name = 'from the WAL'");
    const left = ['', '-wal'].map((suffix) => [lab.databasePath + suffix, readFileSync(lab.databasePath + suffix)] as const);
    writer.close();
    for (const [path, bytes] of left) writeFileSync(path, bytes);
    expect((await lab.run(['ls'], { prefix })).stdout).toContain('from the WAL');
    expect(readdirSync(lab.folder).toSorted()).toEqual([...names, 'backy.sqlite-wal', 'target'].toSorted());
  });

  test.skipIf(skip)(
    `for the config file, the database, the logfile and the lock folder: one clear line each${note}`,
    async () => {
      const prefix = asUser(lab);
      const cases: [file: string, code: number, mode: number][] = [
        ['backy.cfg', 1, 0o000],
        ['backy.sqlite', 1, 0o000],
        ['backy.log', 1, 0o000],
        ['locks', 100, 0o000],
      ];
      for (const [name, code, mode] of cases) {
        chmodSync(lab.path(name), mode);
        const args = name === 'locks' ? ['scrub', uid] : ['ls'];
        expectFailure(await lab.run(args, { prefix }), code, lab.path(name));
        chmodSync(lab.path(name), name === 'locks' ? 0o755 : 0o644);
      }
    },
  );
});

describe('a missing file:', () => {
  test('a config file named with -c: exit 1', async () => {
    expectFailure(await lab.startBare(['-c', lab.path('no.cfg'), 'ls']).ended, 1, `File not found: ${lab.path('no.cfg')}`);
  });

  test('the database: exit 1, and none is made; beside blobs, it is reported lost', async () => {
    const missing = lab.path('no.sqlite');
    const MetaBackend = { engine: `sqlite:///${missing}` };
    const cases: [dataPath: string, advice: RegExp][] = [
      [lab.path('nothing'), /no\.sqlite.*initdb/],
      [lab.dataPath, /no\.sqlite.* holds blobs: the database they belong to was lost or moved.*Bring that database back/],
    ];
    for (const [path, advice] of cases) {
      lab.configure({ MetaBackend, DataBackend: { path } });
      // The first call must not have made what the second one finds.
      for (const args of [['ls'], ['ls'], ['backup', `file://${lab.path('image')}`, 'vm']]) {
        expectFailure(await lab.run(args), 1, advice);
        expect(existsSync(missing)).toBe(false);
        expect(existsSync(lab.path('nothing'))).toBe(false);
      }
    }
  });

  test('the folder of the restore target: exit 100', async () => {
    const target = lab.path('no/target');
    expectFailure(await lab.run(['restore', uid, `file://${target}`]), 100, `Cannot open target ${target}: ENOENT`);
  });

  test('the lock folder: a clear error', async () => {
    lab.configure({ DEFAULTS: { lock_dir: lab.path('no') } });
    expectFailure(await lab.run(['scrub', uid]), 100, `${lab.path('no')}/backy_`);
  });

  test('the blob folder is made by the first backup', async () => {
    await withLab({ config: { DataBackend: { path: lab.path('a/b') } } }, async (fresh) => {
      const next = await fresh.backup(`file://${lab.path('image')}`, 'vm');
      expect(await fresh.restoredSha256(next)).toBe(sha256(image));
    });
  });

  test('the whole blob folder, as when its disk is not mounted: an error, and nothing is marked', async () => {
    const before = lab.dump();
    renameSync(lab.dataPath, lab.path('elsewhere'));
    mkdirSync(lab.dataPath);
    const scrub = await lab.run(['scrub', uid]);
    expect([6, 100]).toContain(scrub.code);
    expect(scrub.stderr).toContain(lab.dataPath);
    expectFailure(await lab.run(['restore', uid, `file://${lab.path('target')}`]), 6, lab.dataPath);
    expect(lab.dump()).toEqual(before);
  });
});

describe('a restore target', () => {
  test('that exists is refused without -f: exit 1, and not touched', async () => {
    const target = lab.write('target', 'precious');
    expectFailure(await lab.run(['restore', uid, `file://${target}`]), 1, `Target already exists: file://${target}`);
    expect(sha256OfFile(target)).toBe(sha256(Buffer.from('precious')));
  });

  test('that is too small is refused with -f: exit 1, and not touched', async () => {
    const target = lab.write('target', 'precious');
    expectFailure(await lab.run(['restore', '-f', uid, `file://${target}`]), 1, `Has 8b, need ${image.length}b.`);
    expect(sha256OfFile(target)).toBe(sha256(Buffer.from('precious')));
  });

  test('that is larger keeps its bytes beyond the end of the version', async () => {
    const target = lab.write('target', Buffer.alloc(image.length + 100, 7));
    await lab.ok('restore', '-f', uid, `file://${target}`);
    expect(sha256OfFile(target)).toBe(sha256(Buffer.concat([image, Buffer.alloc(100, 7)])));
  });
});
