import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, withLab } from '../support/labs/lab.ts';
import { insertVersions, type PlainVersion, versionUid } from '../support/labs/rows.ts';

const BLOCK = 4096;
const DEFAULT_FIELDS = ['Real', 'Null', 'Dedup Own', 'Dedup Others', 'Individual', 'Est. Space', 'Est. Space freed'];

/** Bytes of each blob. All blocks with a blob have the same length. */
const BLOB_BYTES: Record<string, number> = { a: 4096, b: 4096, c: 4096, d: 4095, e: 7, f: 1 };
const MOST_BLOCKS = 12;

const versions: fc.Arbitrary<PlainVersion[]> = fc
  .array(fc.array(fc.constantFrom<string | null>(...Object.keys(BLOB_BYTES), null, ''), { maxLength: MOST_BLOCKS }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((images) =>
    images.map((blobs, number) => ({
      uid: versionUid(number),
      name: `vm${number}`,
      rows: blobs.map((uid, id) => ({ id, uid, size: BLOB_BYTES[uid ?? ''] ?? BLOCK })),
    })),
  );

type Usage = Record<string, number>;

/** The usage by docs/spec/semantics.md, computed block by block. */
function modelOf(all: readonly PlainVersion[], { uid: self, rows }: PlainVersion): Usage {
  const usage: Usage = Object.fromEntries(DEFAULT_FIELDS.map((field) => [field, 0]));
  const add = (field: string, bytes: number) => {
    usage[field] = (usage[field] ?? 0) + bytes;
  };
  const seen = new Set<string>();
  for (const { uid, size } of rows) {
    if (uid === null || uid === '') {
      add('Null', size);
      continue;
    }
    add('Real', size);
    const users = all.flatMap((version) => version.rows.filter((row) => row.uid === uid).map(() => version.uid));
    const isShared = users.some((user) => user !== self);
    if (isShared) add('Dedup Others', size);
    else if (seen.has(uid)) add('Dedup Own', size);
    if (users.length === 1) add('Individual', size);
    if (!seen.has(uid)) add('Est. Space', size / users.length);
    if (!seen.has(uid) && !isShared) add('Est. Space freed', size);
    seen.add(uid);
  }
  return usage;
}

function expectUsage(printed: Usage | undefined, model: Usage): void {
  const { 'Est. Space': estimate = Number.NaN, ...exact } = printed ?? {};
  const { 'Est. Space': wanted = 0, ...others } = model;
  expect(Object.fromEntries(DEFAULT_FIELDS.filter((field) => field in exact).map((field) => [field, exact[field]]))).toEqual(
    others,
  );
  expect(Number.isInteger(estimate)).toBe(true);
  // The program adds fractions in another order.
  expect(Math.abs(estimate - wanted)).toBeLessThanOrEqual(0.5 + 1e-6);
}

test('du adds up as a plain count of every use does, for all versions and for one', { timeout: 180_000 }, async () => {
  const property = fc.asyncProperty(versions, fc.nat(), (all, pick) =>
    withLab({}, async (lab) => {
      insertVersions(lab, all);
      const printed = JSON.parse(await lab.ok('--json', 'du')) as (Usage & { uid: string })[];
      expect(printed.map(({ uid }) => uid)).toEqual(all.map(({ uid }) => uid));
      for (const [i, version] of all.entries()) expectUsage(printed[i], modelOf(all, version));
      const one = all[pick % all.length];
      if (one === undefined) throw new Error('there is always one');
      const [alone, ...more] = JSON.parse(await lab.ok('--json', 'du', one.uid)) as Usage[];
      expect(more).toEqual([]);
      expectUsage(alone, modelOf(all, one));
    }),
  );
  await fc.assert(property, { numRuns: 20 });
});

describe('du', () => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
  });
  afterEach(() => lab.remove());

  test('shows what real backups share, and what their removal would free', async () => {
    const common = noise(3 * BLOCK, 'common');
    const own = noise(BLOCK, 'own');
    const first = await lab.backup(`file://${lab.write('a', Buffer.concat([common, own, own, Buffer.alloc(BLOCK)]))}`, 'a');
    const second = await lab.backup(`file://${lab.write('b', Buffer.concat([common, noise(5, 'tail')]))}`, 'b');
    expect(await lab.ok('-ms', 'du', '-f', `uid,name,${DEFAULT_FIELDS.join(',')}`)).toBe(
      `${first}|a|${5 * BLOCK}|${BLOCK}|${BLOCK}|${3 * BLOCK}|0|${2 * BLOCK}|${BLOCK}\n` +
        `${second}|b|${3 * BLOCK + 5}|0|0|${3 * BLOCK}|5|${1.5 * BLOCK + 5}|5\n`,
    );
    const blobs = lab.blobs().length;
    await lab.ok('rm', first);
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).toHaveLength(blobs - 1);
    expect(await lab.ok('-ms', 'du', second)).toBe(`${3 * BLOCK + 5}|0|0|0|${3 * BLOCK + 5}|${3 * BLOCK + 5}|${3 * BLOCK + 5}\n`);
  });

  test('shows uid, name and date if -f names them, and always in JSON', async () => {
    const uid = await lab.backup('null://4kB', 'vm');
    const date = lab.version(uid).date.slice(0, 19);
    expect(await lab.ok('-m', 'du')).toBe(`${DEFAULT_FIELDS.join('|')}\n4096|0|0|0|4096|4096|4096\n`);
    expect(await lab.ok('-mr', 'du', '-f', 'date,name,uid,Real')).toBe(`date|name|uid|Real\n${date}|vm|${uid}|4 KiB\n`);
    const [row] = JSON.parse(await lab.ok('--json', 'du')) as Record<string, unknown>[];
    expect(Object.keys(row ?? {})).toEqual([...DEFAULT_FIELDS, 'uid', 'name', 'date']);
    expect(row).toMatchObject({ uid, name: 'vm', Real: 4096, date: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) });
    expect(JSON.parse(await lab.ok('--json', 'du', '-f', 'Real'))).toEqual([{ Real: 4096 }]);
  });

  test('refuses an unknown field before it counts anything, and lists the known ones', async () => {
    const uid = await lab.backup('null://4kB', 'vm');
    lab.sql('DROP TABLE blocks');
    const result = await lab.run(['du', '-f', 'Real,space', uid]);
    expectFailure(result, 100, 'Unknown field "space"');
    expect(result.stderr).toContain(`Known fields: ${DEFAULT_FIELDS.join(',')},uid,name,date`);
  });

  test('counts no version that another program makes or removes', async () => {
    const uid = await lab.backup('null://4kB', 'vm');
    const script = `flock -x ${lab.path(`locks/backy_${uid}.lock`)} "$@"`;
    for (const args of [['du'], ['du', uid]]) {
      expectFailure(await lab.run(args, { prefix: ['sh', '-c', script, 'sh'] }), 100, `Version ${uid} is locked.`);
    }
    expect(await lab.ok('-ms', 'du', uid)).toBe('4096|0|0|0|4096|4096|4096\n');
  });

  test('stops between two versions when a signal asks for it', async () => {
    const many = Array.from({ length: 20_000 }, (_, number) => ({
      uid: versionUid(number),
      name: 'vm',
      rows: [{ id: 0, uid: 'a', size: 1 }],
    }));
    insertVersions(lab, many);
    const running = lab.start(['-v', 'du']);
    while (!running.stdout.includes('Adding up the blocks of version') && !running.hasEnded) await sleep(2);
    running.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    expect(code, stderr).toBe(143);
    expect(stderr).toContain('Stopped by SIGTERM.');
    expect(stdout).not.toContain('20000 of 20000');
  });
});
