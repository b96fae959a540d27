import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/index.ts';
import { noise } from '../support/images/random.ts';
import type { Sections } from '../support/labs/config-text.ts';
import { encrypted, KEY_A, KEY_B } from '../support/labs/encryption.ts';
import { documentOf, SCHEMAS } from '../support/labs/json-schemas.ts';
import { Lab } from '../support/labs/lab.ts';
import type { Result } from '../support/program/process.ts';
import { lacking, needFuse } from '../support/runner/machine.ts';

const BLOCK = 4096;

/** A command line with a JSON result. */
interface Call {
  /** Words after `--json`. */
  args: string[];
  stdin?: string;
  /** 0 when absent. */
  code?: number;
  /** It runs until a signal stops it, once this file exists. */
  until?: string;
  /** For tables: the fields of every row, in order. There must be a row. */
  fields?: readonly string[];
}

let lab: Lab;
let source: string;
const image = Buffer.concat([noise(3 * BLOCK, 'image'), Buffer.alloc(2 * BLOCK), noise(BLOCK + 5, 'end')]);
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  source = `file://${lab.write('image', image)}`;
});
afterEach(() => lab.remove());

/** A call of each command. */
const RESULTS: Record<string, () => AsyncGenerator<Call>> = {
  async *initdb() {
    lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('new.sqlite')}` } });
    yield { args: ['initdb'] };
  },
  async *backup() {
    yield { args: ['backup', source, 'vm'] };
    yield { args: ['backup', '-s', 'snap', '-t', 'a,"b,c"', '-e', '2031-01-02', source, 'vm'] };
    yield { args: ['backup', `file://${lab.write('empty', '')}`, 'empty'] };
    const [base] = lab.versions();
    yield { args: ['backup', '-f', base?.uid ?? '', '-r', '-', source, 'vm'], stdin: '[]' };
    lab.sql('UPDATE versions SET valid = 0');
    lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id > 2', base?.uid ?? '');
    yield { args: ['backup', '-c', base?.uid ?? '', source, 'vm'] };
  },
  async *restore() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['restore', uid, `file://${lab.path('target')}`] };
    yield { args: ['restore', '-f', '-s', '-c', '2', uid, `file://${lab.path('target')}`] };
    yield { args: ['restore', '--delta', '--dry-run', uid, `file://${lab.path('target')}`] };
    lab.blobAt(uid, 1).remove();
    yield { args: ['restore', '-f', uid, `file://${lab.path('target')}`], code: 20 };
    lab.sql('DELETE FROM blocks WHERE id IN (3, 4)');
    yield { args: ['restore', uid, 'null://'], code: 20 };
  },
  async *protect() {
    yield { args: ['protect', await lab.backup(source, 'vm')] };
  },
  async *unprotect() {
    const uid = await lab.backup(source, 'vm');
    await lab.ok('protect', uid);
    yield { args: ['unprotect', uid] };
  },
  async *rm() {
    yield { args: ['rm', await lab.backup(source, 'vm')] };
    yield { args: ['rm', '-f', await lab.backup(source, 'vm'), await lab.backup(source, 'other')] };
    for (const name of ['vm', 'vm']) await lab.backup('-e', '2020-01-01', source, name);
    yield { args: ['rm', '--expired'] };
  },
  async *prune() {
    lab.configure({ daily: { interval: '1d', keep: 1, sla: '1h' } });
    await lab.backup('-t', 'daily', '-e', '2020-01-01', source, 'vm');
    for (const expire of [[], ['-e', '2031-01-02'], []]) await lab.backup('-t', 'daily', ...expire, source, 'vm');
    yield { args: ['prune', '-n'] };
    yield { args: ['prune', 'vm'] };
  },
  async *undelete() {
    const uid = await lab.backup(source, 'vm');
    await lab.ok('rm', uid);
    yield { args: ['undelete', '-l'], fields: ['removed', 'until', 'date', 'name', 'size_bytes', 'uid'] };
    yield { args: ['undelete', uid] };
  },
  async *scrub() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['scrub', uid] };
    yield { args: ['scrub', '-p', '50', '-s', source, uid] };
    yield { args: ['scrub', '--all'] };
    yield { args: ['scrub', '--coverage', '--days', '1,2'] };
    yield { args: ['scrub', '--oldest', '50'] };
    const other = `file://${lab.write('other', noise(image.length, 'other'))}`;
    yield { args: ['scrub', '-s', other, uid], code: 20 };
    for (const [id, bytes] of [noise(BLOCK, 'wrong'), noise(5, 'cut')].entries()) lab.blobAt(uid, id).write(bytes);
    lab.blobAt(uid, 2).remove();
    yield { args: ['scrub', '--budget', '1h'], code: 20 };
    yield { args: ['scrub', uid], code: 20 };
    yield { args: ['scrub', '--coverage'] };
    lab.sql('DELETE FROM blocks WHERE id = 5');
    yield { args: ['scrub', uid], code: 20 };
  },
  async *repair() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['repair', '-s', source, uid] };
    lab.blobAt(uid, 2).remove();
    await lab.run(['scrub', uid]);
    const other = `file://${lab.write('other', noise(image.length, 'other'))}`;
    yield { args: ['repair', '-s', other, uid], code: 20 };
    yield { args: ['repair', '-s', source, uid] };
  },
  async *export() {
    yield { args: ['export', await lab.backup(source, 'vm', '-s', 'snap'), lab.path('exported')] };
  },
  async *import() {
    const uid = await lab.backup(source, 'vm');
    await lab.ok('export', uid, lab.path('exported'));
    await lab.ok('rm', uid);
    yield { args: ['import', lab.path('exported')] };
    await lab.ok('rm', uid);
    yield { args: ['import', '-'], stdin: readFileSync(lab.path('exported'), 'utf8') };
  },
  async *cleanup() {
    yield { args: ['cleanup'] };
    const uid = await lab.backup(source, 'vm');
    const blob = lab.blobOf(uid, 0);
    await lab.ok('rm', uid);
    rmSync(blob);
    mkdirSync(blob);
    yield { args: ['cleanup', '--dangerous-force'], code: 100 };
    yield { args: ['cleanup', '-f', '-p', 'zz'] };
  },
  async *ls() {
    yield { args: ['ls'] };
    await lab.backup(source, 'vm', '-t', 'a,b', '-e', '2031-01-02');
    await lab.backup(source, 'vm', '-s', 'snap');
    yield* tableCalls('ls');
  },
  async *rekey() {
    lab.configure(encrypted());
    await lab.backup(source, 'vm');
    lab.configure(encrypted(KEY_B));
    yield { args: ['rekey', KEY_A] };
  },
  async *'migrate-encryption'() {
    const bad = await lab.backup(source, 'vm');
    const good = await lab.backup(`file://${lab.write('other', noise(2 * BLOCK, 'other'))}`, 'vm');
    lab.blobAt(bad, 0).remove();
    lab.configure(encrypted());
    yield { args: ['migrate-encryption', good] };
    yield { args: ['migrate-encryption', bad], code: 20 };
  },
  async *'backup-db'() {
    yield { args: ['backup-db', lab.path('copy')] };
  },
  async *'check-storage'() {
    yield* tableCalls('check-storage');
    lab.configure({ DataBackend: { path: lab.write('no-folder', '') } });
    yield { args: ['check-storage'], code: 100 };
  },
  async *'convert-db'() {
    await lab.backup(source, 'vm');
    yield { args: ['convert-db', '--to', 'compact', '-n'] };
    yield { args: ['convert-db', '--to', 'compact'] };
    yield { args: ['convert-db', '--to', 'classic'] };
  },
  async *'check-metadata'() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['check-metadata'] };
    lab.sql('UPDATE blocks SET checksum = NULL WHERE version_uid = ? AND uid IS NOT NULL', uid);
    for await (const call of tableCalls('check-metadata')) yield { ...call, code: 20 };
  },
  async *catalogue() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['catalogue'] };
    yield { args: ['catalogue', '--sync'] };
    lab.sql('DELETE FROM backy2_catalogue');
    lab.sql('DELETE FROM tags');
    lab.sql('DELETE FROM stats');
    lab.sql('DELETE FROM blocks');
    lab.sql('DELETE FROM versions');
    yield { args: ['catalogue', '--compare'] };
    yield { args: ['catalogue', '--adopt'] };
    await lab.ok('rm', uid);
    lab.sql('DELETE FROM backy2_catalogue');
    yield { args: ['catalogue'] };
  },
  async *'rebuild-db'() {
    await lab.backup(source, 'vm');
    const lost = await lab.backup(`file://${lab.write('other', noise(BLOCK, 'other'))}`, 'lost');
    lab.blobAt(lost, 0).remove();
    lab.configure({ MetaBackend: { engine: `sqlite:///${lab.path('new.sqlite')}` } });
    yield { args: ['rebuild-db', '-n'] };
    yield { args: ['rebuild-db'], code: 20 };
  },
  async *report() {
    yield { args: ['report', '--html', lab.path('empty.html')] };
    lab.configure({ daily: { interval: '1d', keep: 2, sla: '6h' } });
    await lab.backup(source, 'vm', '-t', 'daily');
    yield { args: ['report', '--quick', '--html', lab.path('report.html')] };
  },
  async *'recovery-sheet'() {
    yield { args: ['recovery-sheet'] };
    yield { args: ['recovery-sheet', '--html', '--with-key'] };
  },
  async *stats() {
    yield { args: ['stats'] };
    await lab.backup(source, 'vm');
    yield { args: ['stats', '-l', '1'] };
    yield* tableCalls('stats');
  },
  async *du() {
    yield { args: ['du'] };
    yield { args: ['du', await lab.backup(source, 'vm')] };
    yield* tableCalls('du');
  },
  async *'diff-meta'() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['diff-meta', uid, await lab.backup(`file://${lab.write('short', image.subarray(0, BLOCK))}`, 'vm')] };
  },
  async *due() {
    lab.configure({ daily: { interval: '1d', keep: 2, sla: '6h' }, weekly: { interval: '7d', keep: 1, sla: '1d' } });
    yield { args: ['due'] };
    await lab.backup(source, 'vm', '-t', 'monthly');
    yield { args: ['due', '-s', 'daily,weekly', 'new'] };
    yield* tableCalls('due');
  },
  async *sla() {
    lab.configure({ DEFAULTS: { sla_schedulers: 'daily' }, daily: { interval: '1d', keep: 2, sla: '6h' } });
    yield { args: ['sla'] };
    yield { args: ['sla', '--check'] };
    await lab.backup(source, 'vm');
    yield* tableCalls('sla');
  },
  async *run() {
    lab.configure(jobs());
    yield { args: ['run', '-n'] };
    yield { args: ['run'], code: 100 };
    yield { args: ['run', 'web'] };
  },
  async *job() {
    lab.configure(jobs());
    yield { args: ['job', 'web'] };
    yield { args: ['job', 'web'] };
    yield { args: ['job', 'gone'], code: 100 };
    yield { args: ['job', '--recover', 'web'] };
  },
  async *status() {
    await lab.backup(source, 'vm', '-t', 'by hand');
    yield* tableCalls('status');
    yield { args: ['status', '--check'] };
  },
  async *metrics() {
    await lab.backup(source, 'vm');
    yield { args: ['metrics', '--space'] };
    yield { args: ['metrics', '-o', lab.path('backy2.prom')] };
  },
  async *nbd() {
    await lab.backup(source, 'vm');
    const socket = lab.path('nbd.sock');
    yield { args: ['nbd', '--socket', socket], until: socket };
  },
  async *fuse() {
    mkdirSync(lab.path('mnt'));
    await lab.backup(source, 'vm');
    yield { args: ['fuse', lab.path('mnt')], until: lab.path('mnt/by_name/vm') };
  },
  async *'add-tag'() {
    yield { args: ['add-tag', await lab.backup(source, 'vm'), 'a,"b,c"'] };
  },
  async *'remove-tag'() {
    yield { args: ['remove-tag', await lab.backup(source, 'vm', '-t', 'a,b'), 'a,x'] };
  },
  async *expire() {
    const uid = await lab.backup(source, 'vm');
    yield { args: ['expire', uid, '2031-01-02 03:04:05'] };
    yield { args: ['expire', uid, ''] };
  },
};

/** A job whose source is there, and one whose is not. */
function jobs(): Sections {
  return {
    DEFAULTS: { sla_new_names: 'by-age' },
    daily: { interval: '1d', keep: 2, sla: '6h' },
    'job:web': { source },
    'job:gone': { source: `file://${lab.path('gone')}` },
  };
}

/** Checks a table: without -f, with all fields in reverse, and with one field alone. */
async function* tableCalls(command: string): AsyncGenerator<Call> {
  const { row, default_row: defaultRow } = SCHEMAS.get(command)?.$defs ?? {};
  yield { args: [command], fields: defaultRow?.required ?? [] };
  const known = Object.keys(row?.properties ?? {});
  for (const fields of [known.toReversed(), known.slice(-1)]) {
    yield { args: [command, '-f', fields.join(',')], fields };
  }
}

const fuse = lacking(await needFuse());

test.for(COMMANDS.map(({ name }) => name))('--json %s prints what its schema says', async (command, { skip }) => {
  if (command === 'fuse') skip(fuse.skip, fuse.note);
  const calls = RESULTS[command];
  if (calls === undefined) throw new Error(`RESULTS has no entry for ${command}`);
  let made = 0;
  for await (const { args, stdin, code = 0, fields, until } of calls()) {
    made++;
    const words = ['--json', ...args];
    const { stdout, stderr, code: ended } = await (until === undefined ? lab.run(words, { stdin }) : stoppedAt(until, words));
    expect(ended, stdout + stderr).toBe(code);
    if (code === 0) expect(stderr).toBe('');
    else expect(stderr).toMatch(/^ {3}ERROR: /);
    const document = documentOf<unknown>(`${command}.json`, stdout);
    if (fields === undefined) continue;
    const rows = document as Record<string, unknown>[];
    expect(rows).not.toEqual([]);
    for (const row of rows) expect(Object.keys(row)).toEqual(fields);
  }
  expect(made, 'calls').toBeGreaterThan(0);
});

/** Runs a command that a signal stops once a file exists. */
async function stoppedAt(path: string, words: string[]): Promise<Result> {
  const running = lab.start(words);
  await expect.poll(() => existsSync(path)).toBe(true);
  running.kill('SIGTERM');
  return running.ended;
}

/** Runs a command with `--json`. @returns its result, whatever the exit code. */
async function resultOf(...args: string[]): Promise<Record<string, unknown>> {
  const command = args[0] ?? '';
  return documentOf(`${command}.json`, (await lab.run(['--json', ...args])).stdout);
}

describe('a result tells', () => {
  const kept = { bytes_sparse: 2 * BLOCK, blocks_sparse: 2 };

  test('backup: the version, counts of blocks, and times', async () => {
    const first = await resultOf('backup', '-s', 'snap', '-t', 'a,b', '-e', '2031-01-02', source, 'vm');
    const size = { size: 7, size_bytes: 6 * BLOCK + 5 };
    const date = '2031-01-02T00:00:00.000Z';
    const version = { uid: lab.versions()[0]?.uid, name: 'vm', snapshot_name: 'snap', tags: ['a', 'b'], expire: date, ...size };
    const bytes = 4 * BLOCK + 5;
    expect(first).toMatchObject({
      ...version,
      source,
      ...kept,
      bytes_written: bytes,
      blocks_written: 5,
      blocks_dedup: 0,
      errors: [],
    });
    const again = await resultOf('backup', source, 'vm');
    expect(again).toMatchObject({ ...size, expire: null, ...kept, bytes_dedup: bytes, blocks_dedup: 5, blocks_written: 0 });
  });

  test('backup: missing blobs of other versions', async () => {
    const uid = await lab.backup(source, 'vm');
    const blob = lab.blocks(uid)[2]?.uid;
    lab.blobAt(uid, 2).remove();
    const { errors } = await resultOf('backup', source, 'vm');
    expect(errors).toEqual([{ id: 2, uid: blob, reason: 'it is missing' }]);
  });

  test('restore: which blocks are wrong, and every version that is invalid for it', async () => {
    const uid = await lab.backup(source, 'vm');
    const other = await lab.backup(source, 'other');
    const good = { uid, name: 'vm', size: 7, size_bytes: image.length, blocks_sparse: 2, blocks_bad: 0, errors: [] };
    const all = { ...good, blocks_restored: 5, bytes_restored: 4 * BLOCK + 5, blocks_skipped: 0, affected_versions: [] };
    expect(await resultOf('restore', uid, 'null://')).toMatchObject(all);
    expect(await resultOf('restore', '-c', '2', uid, 'null://')).toMatchObject({
      ...good,
      blocks_restored: 3,
      bytes_restored: 2 * BLOCK + 5,
      blocks_skipped: 2,
    });
    const [, block] = lab.blocks(uid);
    lab.blobAt(uid, 1).remove();
    lab.sql('DELETE FROM blocks WHERE version_uid = ? AND id IN (3, 4)', uid);
    const { errors, affected_versions: affected, ...counts } = await resultOf('restore', uid, 'null://');
    expect(counts).toMatchObject({ blocks_restored: 4, bytes_restored: 3 * BLOCK + 5, blocks_sparse: 0, blocks_bad: 3 });
    expect(errors).toEqual(
      expect.arrayContaining([
        { id: 1, count: 1, uid: block?.uid, problem: 'missing', is: expect.any(String), should_be: block?.checksum },
        { id: 3, count: 2, uid: null, problem: 'missing', is: 'no row', should_be: null },
      ]),
    );
    expect(new Set(affected as string[])).toEqual(new Set([uid, other]));
  });

  test('scrub: checked blocks, bad blocks, and validity of the version', async () => {
    const uid = await lab.backup(source, 'vm');
    const whole = { complete: true, blocks_checked: 5, bytes_checked: 4 * BLOCK + 5 };
    lab.sql('UPDATE versions SET valid = 0');
    expect(await resultOf('scrub', '-p', '0', uid)).toMatchObject({ valid: false, blocks_checked: 0, bytes_checked: 0 });
    expect(await resultOf('scrub', uid)).toMatchObject({ ...whole, valid: true, errors: [], affected_versions: [] });
    const other = `file://${lab.write('other', noise(image.length, 'other'))}`;
    const differs = await resultOf('scrub', '-s', other, uid);
    expect(differs).toMatchObject({ complete: true, valid: true, blocks_checked: 7, affected_versions: [] });
    expect((differs.errors as { problem: string }[]).map(({ problem }) => problem)).toEqual(new Array(7).fill('source'));
    lab.blobAt(uid, 0).remove();
    expect(await resultOf('scrub', uid)).toMatchObject({ ...whole, valid: false, affected_versions: [uid] });
    lab.sql('DELETE FROM blocks WHERE id = 5');
    expect(await resultOf('scrub', uid)).toMatchObject({ complete: false, valid: false, blocks_checked: 0, errors: [] });
  });

  test('cleanup: how many bytes came free, and which blobs stay', async () => {
    const uid = await lab.backup(source, 'vm');
    const blob = lab.blocks(uid)[1]?.uid;
    const path = lab.blobOf(uid, 1);
    const taken = lab.blobs().length * BLOCK;
    await lab.ok('rm', uid);
    rmSync(path);
    mkdirSync(path);
    const { errors, ...counts } = await resultOf('cleanup', '--dangerous-force');
    expect(counts).toMatchObject({ blobs_deleted: 4, bytes_deleted: taken - 2 * BLOCK + 5 });
    expect(errors).toEqual([{ uid: blob, reason: expect.stringMatching(/\S/) }]);
  });

  test('cleanup: null where the data backend does not know the bytes', async () => {
    lab.configure({ DataBackend: { type: 'null' } });
    const uid = await lab.backup('null://10kB', 'vm');
    await lab.ok('rm', uid);
    expect(await resultOf('cleanup', '--dangerous-force')).toMatchObject({ blobs_deleted: 3, bytes_deleted: null });
  });

  test('rm, tags, expire, protect, export and import: the new state', async () => {
    const uid = await lab.backup(source, 'vm', '-t', 'a');
    expect(await resultOf('add-tag', uid, 'a,b')).toEqual({ uid, added: ['b'], tags: ['a', 'b'] });
    expect(await resultOf('remove-tag', uid, 'a,c')).toEqual({ uid, removed: ['a'], tags: ['b'] });
    expect(await resultOf('expire', uid, '2031-01-02 03:04:05')).toEqual({ uid, expire: '2031-01-02T03:04:05.000Z' });
    expect(await resultOf('expire', uid, '')).toEqual({ uid, expire: null });
    expect(await resultOf('protect', uid)).toEqual({ uid, protected: true });
    expect(await resultOf('unprotect', uid)).toEqual({ uid, protected: false });
    lab.sql('UPDATE versions SET valid = 0');
    const file = lab.path('exported');
    const same = { uid, name: 'vm', snapshot_name: '', size: 7, size_bytes: image.length, valid: false, file_name: file };
    expect(await resultOf('export', uid, file)).toMatchObject(same);
    expect(await resultOf('rm', uid)).toEqual({ removed: [{ uid, name: 'vm', blocks: 7 }] });
    expect(await resultOf('import', file)).toMatchObject(same);
  });

  test('ls: the stored values', async () => {
    const uid = await lab.backup(source, 'vm', '-s', 'snap', '-t', 'b,a', '-e', '2031-01-02');
    await lab.ok('protect', uid);
    const date = `${lab.version(uid).date.replace(' ', 'T').slice(0, 23)}Z`;
    const row = { date, name: 'vm', snapshot_name: 'snap', size: 7, size_bytes: image.length, uid, valid: true, protected: true };
    expect(await resultOf('ls')).toEqual([{ ...row, tags: ['a', 'b'], expire: '2031-01-02T00:00:00.000Z' }]);
  });
});

test('-m, -s, -r and -v change nothing with --json', async () => {
  const words = ['-m', '-s', '-r', '-v', '--json'];
  const { stdout } = await lab.run([...words, 'backup', source, 'vm']);
  expect(documentOf('backup.json', stdout)).toMatchObject({ size_bytes: image.length });
  expect((await lab.run([...words, 'ls'])).stdout).toBe(await lab.ok('--json', 'ls'));
});

test('help and version are documents too', async () => {
  expect(documentOf('version.json', await lab.ok('--json', '-V'))).toEqual({ version: expect.stringMatching(/^\d+\.\d+\.\d+$/) });
  for (const args of [['-h'], ['ls', '--help']]) {
    expect(documentOf('help.json', await lab.ok('--json', ...args))).toEqual({ help: expect.stringMatching(/usage/i) });
  }
});
