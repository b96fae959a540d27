import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { BINARY, tool } from '../support/program/process.ts';

const BLOCK = 4096;
const image = Buffer.concat([noise(2 * BLOCK, 'image'), Buffer.alloc(BLOCK), noise(100, 'tail')]);

let lab: Lab;
let uid: string;
let exported: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  const source = `file://${lab.write('image', image)}`;
  uid = await lab.backup('-s', 'snap, "quoted"', '-e', '2031-02-03', source, 'vm ü');
  exported = await lab.ok('-m', 'export', uid, '-');
});
afterEach(() => lab.remove());

/** The version without fractions of a second, which exports lack. */
function withoutFraction(): unknown {
  const { date, ...rest } = lab.version(uid);
  return { ...rest, date: date.slice(0, 19) };
}

describe('export and import', () => {
  test('bring a version back as it was, through a file and through stdout and stdin', async () => {
    const version = withoutFraction();
    const blocks = lab.blocks(uid);
    await lab.ok('export', uid, lab.path('out.csv'));
    expect(readFileSync(lab.path('out.csv'), 'utf8')).toBe(exported);
    for (const [args, stdin] of [
      [['import', lab.path('out.csv')], undefined],
      [['import', '-'], exported],
    ] as const) {
      await lab.ok('rm', uid);
      expect(await lab.run(args, { stdin })).toMatchObject({ code: 0 });
      expect(withoutFraction()).toEqual(version);
      expect(lab.blocks(uid)).toEqual(blocks);
    }
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });

  test('write into a pipe, and to stdout by its names, and replace neither', async () => {
    const pipe = lab.path('pipe');
    await tool('mkfifo', pipe);
    const writing = lab.start(['export', uid, pipe]);
    expect(await tool('cat', pipe)).toBe(exported);
    expect((await writing.ended).code).toBe(0);
    expect(statSync(pipe).isFIFO()).toBe(true);
    // Nobody reads.
    const waiting = lab.start(['export', uid, pipe]);
    await expect.poll(() => lab.log(), { interval: 10 }).toContain(`[${waiting.pid}] $ backy2`);
    waiting.kill('SIGTERM');
    expect((await waiting.ended).code).toBe(143);
    // As a file, stdout would be replaced, and lose what it had.
    const words = `echo before; ${BINARY} -m -c ${lab.path('backy.cfg')} export ${uid} /dev/stdout; echo after`;
    await tool('sh', '-c', `(${words}) > ${lab.path('all')}`);
    expect(readFileSync(lab.path('all'), 'utf8')).toBe(`before\n${exported}after\n`);
  });

  test('the export has the 2.12 format: CRLF, quotes where needed, dates without fraction, empty for NULL', () => {
    const lines = exported.split('\r\n');
    const date = lab.version(uid).date.slice(0, 19);
    expect(lines[0]).toBe('backy2 Version 2.12 metadata dump');
    expect(lines[1]).toBe(`${uid},${date},vm ü,"snap, ""quoted""",4,${image.length},1,0,2031-02-03`);
    expect(lines[4]).toMatch(new RegExp(`^,${uid},2,\\S+ \\S+,,${BLOCK},1,0,,$`));
    expect(lines).toHaveLength(7);
  });

  test.each([
    ['2.1', [0, 1, 2, 4, 5, 6]],
    ['2.2', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['2.10', [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ['2.12', [0, 1, 2, 3, 4, 5, 6, 7, 8]],
  ])('format %s is read', async (format, columns) => {
    const blocks = lab.blocks(uid);
    await lab.ok('rm', uid);
    const [, head = '', ...rows] = exported.replace('"snap, ""quoted"""', 'snap').trimEnd().split('\r\n');
    const fields = head.split(',');
    const cut = rows.map((row) => (format === '2.12' ? row : row.split(',').slice(0, 7).join(',')));
    const text = [`backy2 Version ${format} metadata dump`, columns.map((n) => fields[n]).join(','), ...cut, ''].join('\r\n');
    expect(await lab.run(['import', '-'], { stdin: text })).toMatchObject({ code: 0 });
    expect(lab.blocks(uid)).toEqual(blocks);
    const snapshot = format === '2.1' ? '' : 'snap';
    const expire = format === '2.1' || format === '2.2' ? null : expect.stringMatching(/^2031-02-03/);
    expect(lab.version(uid)).toMatchObject({ name: 'vm ü', snapshot_name: snapshot, valid: 1, protected: 0, expire });
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(image)]]));
  });

  test('a version that exists is not imported: exit 22, nothing changed', async () => {
    const before = lab.dump();
    expectFailure(await lab.run(['import', '-'], { stdin: exported }), 22, `Version ${uid} already exists`);
    expect(lab.dump()).toEqual(before);
  });
});

describe('an import that', () => {
  test('names a file that is not there is a clear error', async () => {
    expectFailure(await lab.run(['import', lab.path('no.csv')]), 100, lab.path('no.csv'));
  });
});

test('an export into a folder that is not there is a clear error', async () => {
  expectFailure(await lab.run(['export', uid, lab.path('no/out.csv')]), 100, lab.path('no/out.csv'));
});

test('an imported version with missing blobs restores the others, and exits 20', async () => {
  await lab.ok('rm', uid);
  await lab.ok('cleanup', '--dangerous-force');
  // Other blobs, since an empty folder would look like an unmounted disk.
  await lab.backup(`file://${lab.write('another', noise(BLOCK, 'another'))}`, 'another');
  expect(await lab.run(['import', '-'], { stdin: exported })).toMatchObject({ code: 0 });
  expect((await lab.run(['restore', uid, `file://${lab.path('target')}`])).code).toBe(20);
  expect(lab.version(uid).valid).toBe(0);
});
