import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { stateOf } from '../support/labs/lab-state.ts';

const BLOCK = 4096;
const BLOCKS = 40;
const DATA_BACKEND = 6;
const BLOCKS_BAD = 20;
const NAMES = ['whole', 'lost', 'bad'] as const;

let intact: Lab;
let lab: Lab;
const uids: Record<string, string> = {};
beforeAll(async () => {
  intact = await Lab.create({ blockSize: BLOCK });
  for (const name of NAMES) {
    uids[name] = await intact.backup(`file://${intact.write(name, noise(BLOCKS * BLOCK, name))}`, name, '-t', 'x');
  }
});
afterAll(() => intact.remove());
beforeEach(async () => {
  lab = await intact.clone('copied');
});
afterEach(() => lab.remove());

const uidOf = (name: (typeof NAMES)[number]) => uids[name] ?? '';
function loseBlobs(): void {
  for (const { uid } of lab.blocks(uidOf('lost'))) lab.blob(uid ?? '').remove();
}
function unmount(): void {
  renameSync(lab.dataPath, lab.path('mounted'));
  mkdirSync(lab.dataPath);
}

describe('scrub of several versions', () => {
  test.each([['--all'], ['--tag', 'x']])('goes on after one that lacks most of its blobs, with %s', async (...selection) => {
    loseBlobs();
    lab.blobAt(uidOf('bad'), 3).remove();
    const before = lab.blocks(uidOf('lost'));
    const { code, stdout, stderr } = await lab.run(['--json', 'scrub', ...selection]);
    expect(code, stderr).toBe(DATA_BACKEND);
    expect(stderr).toMatch(
      new RegExp(`ERROR: Version ${uidOf('lost')} \\(lost\\) was not scrubbed: Of 40 blobs .* 40 are missing`),
    );
    expect(stderr).toMatch(/Versions not scrubbed because .*: 1\. .*--accept-damage/);
    const results = JSON.parse(stdout) as { name: string; valid: boolean; errors: unknown[] }[];
    expect(results.map(({ name, valid, errors }) => [name, valid, errors.length]).sort()).toEqual([
      ['bad', false, 1],
      ['whole', true, 0],
    ]);
    expect(lab.blocks(uidOf('lost'))).toEqual(before);
    expect(NAMES.map((name) => lab.version(uidOf(name)).valid)).toEqual([1, 1, 0]);
  });

  test('changes nothing if the only version lacks most of its blobs', async () => {
    loseBlobs();
    const before = stateOf(lab);
    const { code, stdout } = await lab.run(['--json', 'scrub', '--name', 'lost']);
    expect([code, JSON.parse(stdout)]).toEqual([DATA_BACKEND, []]);
    expect(stateOf(lab)).toEqual(before);
  });

  test('marks them with --accept-damage', async () => {
    loseBlobs();
    expect((await lab.run(['scrub', '--all', '--accept-damage'])).code).toBe(BLOCKS_BAD);
    expect(NAMES.map((name) => lab.version(uidOf(name)).valid)).toEqual([1, 0, 1]);
  });

  test('ends at once if the data backend is not the store', async () => {
    unmount();
    const before = stateOf(lab);
    expectFailure(await lab.run(['scrub', '--all']), DATA_BACKEND, 'is not the store that the database belongs to');
    expect(stateOf(lab)).toEqual(before);
  });
});

describe('the hint after missing blobs', () => {
  const target = () => `file://${lab.path('target')}`;
  const source = () => `file://${lab.write('source', noise(BLOCK, 'source'))}`;
  const uid = () => uidOf('lost');

  test.each<[string, () => string[]]>([
    ['backup', () => ['backup', source(), 'new']],
    ['restore', () => ['restore', uid(), target()]],
    ['scrub', () => ['scrub', uid()]],
    ['scrub --oldest', () => ['scrub', '--oldest', '100']],
    ['repair', () => ['repair', uid(), '-s', `file://${lab.write('lost', noise(BLOCKS * BLOCK, 'lost'))}`]],
  ])('names --accept-damage for %s, which takes it', async (_, args) => {
    const words = args();
    unmount();
    expectFailure(await lab.run(words), DATA_BACKEND, 'run the command again with --accept-damage');
  });

  const OTHERS: [string, () => string[]][] = [
    ['cleanup', () => ['cleanup', '--dangerous-force']],
    ['cleanup --full', () => ['cleanup', '--full']],
    ['nbd', () => ['nbd', '--socket', lab.path('socket')]],
    ['import', () => ['import', lab.path('export')]],
    ['migrate-encryption', () => ['migrate-encryption', uid()]],
  ];
  test.each(OTHERS)('names the scrub that helps for %s, which has no such option', async (_, args) => {
    await lab.ok('export', uid(), lab.path('export'));
    // Of a version that does not exist yet.
    lab.write('export', readFileSync(lab.path('export'), 'utf8').replaceAll(uid(), randomUUID()));
    const words = args();
    unmount();
    expectFailure(await lab.run(words), DATA_BACKEND, 'run first: backy2 scrub --all --accept-damage');
  });

  test('leads to a store that can be cleaned up', async () => {
    unmount();
    const words = ['cleanup', '--full', '--yes-delete', '0'];
    expect((await lab.run(words)).code).toBe(DATA_BACKEND);
    expect((await lab.run(['scrub', '--all', '--accept-damage'])).code).toBe(BLOCKS_BAD);
    expect((await lab.run(words)).stderr).not.toContain('is not the store');
  });

  test('of a version that lacks most of its blobs does so too', async () => {
    loseBlobs();
    const { code, stderr } = await lab.run(['migrate-encryption', uid()]);
    expect(stderr).toContain('run first: backy2 scrub --all --accept-damage');
    expect(code).toBe(DATA_BACKEND);
  });
});
