import { afterEach, beforeEach, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { insertVersions, type PlainRow, versionUid } from '../support/labs/rows.ts';
import { BINARY } from '../support/program/process.ts';

const BLOCK = 4096;
const UNKNOWN = '11111111-1111-1111-8111-111111111111';
/** Several pages of rows, and far more text than a pipe holds. */
const MANY = 25_000;
const [LEFT, RIGHT] = [versionUid(1), versionUid(2)];

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

function insertMany(blobOf: (side: 'left' | 'right', id: number) => string | null | undefined): void {
  const rows = (side: 'left' | 'right'): PlainRow[] =>
    Array.from({ length: MANY }, (_, id) => ({ id, uid: blobOf(side, id), size: BLOCK })).filter(
      (row): row is PlainRow => row.uid !== undefined,
    );
  insertVersions(lab, [
    { uid: LEFT, name: 'left', rows: rows('left') },
    { uid: RIGHT, name: 'right', rows: rows('right') },
  ]);
}

/** Runs a shell script with the program as $backy2. */
async function shell(script: string) {
  const backy2 = `'${BINARY}' -c '${lab.path('backy.cfg')}'`;
  return lab.startCommand(['bash', '-c', script.replaceAll('$backy2', backy2)]).ended;
}

test('one line per block: same, different, or in one version only', async () => {
  const zero = Buffer.alloc(BLOCK);
  const image = [noise(BLOCK, 'a'), noise(BLOCK, 'b'), zero, zero, noise(BLOCK, 'e'), noise(BLOCK, 'f')];
  const left = await lab.backup(`file://${lab.write('left', Buffer.concat(image))}`, 'left');
  const other = [noise(BLOCK, 'a'), noise(BLOCK, 'changed'), zero, noise(BLOCK, 'd'), zero];
  const right = await lab.backup(`file://${lab.write('right', Buffer.concat(other))}`, 'right');
  const lines = ['SAME      0', 'DIFF      1', 'SAME      2', 'DIFF      3', 'DIFF      4', 'NEW LEFT  5'];
  expect(await lab.ok('-m', 'diff-meta', left, right)).toBe(`${lines.join('\n')}\n`);
  expect((await lab.ok('-m', 'diff-meta', right, left)).trimEnd().split('\n').at(-1)).toBe('NEW RIGHT 5');
  expect(await lab.ok('-m', 'diff-meta', left, left)).not.toMatch(/DIFF|NEW/);
  expect((await lab.ok('diff-meta', left, right)).split('\n').slice(1, -2)).toEqual(lines);
  const json = JSON.parse(await lab.ok('--json', 'diff-meta', left, right)) as unknown[];
  expect(json).toHaveLength(6);
  expect(json.at(-1)).toEqual({ block: 5, difference: 'NEW LEFT' });
});

test('an empty uid is a sparse block, and empty versions have no lines', async () => {
  insertVersions(lab, [
    { uid: LEFT, name: 'left', rows: [{ id: 0, uid: '', size: BLOCK }] },
    { uid: RIGHT, name: 'right', rows: [{ id: 0, uid: null, size: BLOCK }] },
    { uid: versionUid(3), name: 'none', rows: [] },
  ]);
  expect(await lab.ok('-m', 'diff-meta', LEFT, RIGHT)).toBe('SAME      0\n');
  expect(await lab.ok('-m', 'diff-meta', versionUid(3), versionUid(3))).toBe('');
  expect(await lab.ok('--json', 'diff-meta', versionUid(3), versionUid(3))).toBe('[]\n');
});

test('pages of both versions are matched, wherever rows are missing', async () => {
  const leftHas = (id: number) => id < 9_000 || id >= 12_000;
  const rightHas = (id: number) => id % 3 !== 0 && id < 21_000;
  const isSame = (id: number) => id % 2 === 0;
  insertMany((side, id) => {
    if (!(side === 'left' ? leftHas(id) : rightHas(id))) return undefined;
    return isSame(id) ? (id % 4 === 0 ? null : `same${id}`) : `${side}${id}`;
  });
  const wanted = Array.from({ length: MANY }, (_, id) => {
    if (!leftHas(id)) return rightHas(id) ? `NEW RIGHT ${id}\n` : '';
    if (!rightHas(id)) return `NEW LEFT  ${id}\n`;
    return isSame(id) ? `SAME      ${id}\n` : `DIFF      ${id}\n`;
  }).join('');
  expect(await lab.ok('-m', 'diff-meta', LEFT, RIGHT)).toBe(wanted);
  // A page of one version covers fewer ids than a page of the other. Also compare in reverse.
  const mirrored = wanted.replaceAll(/NEW (LEFT |RIGHT)/g, (_, side: string) => (side === 'RIGHT' ? 'NEW LEFT ' : 'NEW RIGHT'));
  expect(await lab.ok('-m', 'diff-meta', RIGHT, LEFT)).toBe(mirrored);
  const json = JSON.parse(await lab.ok('--json', 'diff-meta', LEFT, RIGHT)) as unknown[];
  expect(json).toHaveLength(wanted.split('\n').length - 1);
});

test.each([['-m'], ['-v'], ['--json']])('a closed pipe ends diff-meta %s quietly', async (option) => {
  insertMany((_, id) => `blob${id}`);
  const said = await shell(`$backy2 ${option} diff-meta ${LEFT} ${RIGHT} | head -n 1 >/dev/null; echo "\${PIPESTATUS[0]}"`);
  expect(said).toMatchObject({ stdout: '0\n', stderr: '' });
  expect(lab.lockFiles()).toEqual([]);
});

test('neither version can be removed while a reader still takes lines', async () => {
  insertMany((_, id) => `blob${id}`);
  const rm = (uid: string) => `$backy2 rm ${uid} >&2; echo "rm: $?" >&2`;
  const { stderr } = await shell(`$backy2 -m diff-meta ${LEFT} ${RIGHT} | { read line; ${rm(LEFT)}; ${rm(RIGHT)}; }`);
  for (const uid of [LEFT, RIGHT]) expect(stderr).toContain(`ERROR: Version ${uid} is locked.`);
  expect(stderr.match(/^rm: \d+$/gm)).toEqual(['rm: 100', 'rm: 100']);
  await lab.ok('rm', LEFT);
});

test('an unknown version on either side exits 100 and prints nothing', async () => {
  const uid = await lab.backup('null://8kB', 'vm');
  for (const pair of [
    [UNKNOWN, uid],
    [uid, UNKNOWN],
    [UNKNOWN, UNKNOWN],
  ]) {
    const result = await lab.run(['-m', 'diff-meta', ...pair]);
    expectFailure(result, 100, `Version ${UNKNOWN} not found.`);
    expect(result.stdout).toBe('');
  }
});
