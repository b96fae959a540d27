import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';

const BLOCK = 4096;

let lab: Lab;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 1 });
});
afterEach(() => lab.remove());

/** Backs up a new small image. @returns the uid. */
function small(name: string, ...args: string[]): Promise<string> {
  return lab.backup(...args, `file://${lab.write('image', noise(3 * BLOCK + 5, name))}`, name);
}

describe('rm, protect and unprotect', () => {
  test('a protected version is not removed, not even with -f, until it is unprotected', async () => {
    const uid = await small('vm');
    await lab.ok('protect', uid);
    expect(lab.version(uid).protected).toBe(1);
    for (const args of [
      ['rm', uid],
      ['rm', '-f', uid],
    ]) {
      expectFailure(await lab.run(args), 100, `Version ${uid} is protected. Will not delete.`);
    }
    expectFailure(await lab.run(['protect', uid]), 100, `Version ${uid} is already protected.`);
    await lab.ok('unprotect', uid);
    expectFailure(await lab.run(['unprotect', uid]), 100, `Version ${uid} is not protected.`);
    expect(await lab.ok('rm', uid)).toContain(`INFO: Removed backup version ${uid} with 4 blocks.`);
    expect(lab.versions()).toEqual([]);
    expect(lab.blocks()).toEqual([]);
    expect(lab.tags(uid)).toEqual([]);
  });

  test('several uids are removed with one command', async () => {
    const uids = [await small('a'), await small('b'), await small('c')];
    const output = await lab.ok('rm', uids[0] ?? '', uids[2] ?? '');
    expect(output.match(/Removed backup version/g)).toHaveLength(2);
    expect(lab.versions().map(({ uid }) => uid)).toEqual([uids[1]]);
  });

  test('--expired removes what has expired, but never the newest valid version; -n shows both', async () => {
    const [first, last] = [await small('vm', '-e', '2020-01-01'), await small('vm', '-e', '2020-01-02')];
    const other = await small('other');
    expect(await lab.ok('-m', 'rm', '--expired', '-n')).toBe(`${first}\n`);
    const shown = await lab.ok('rm', '--expired', '--dry-run', 'vm');
    expect(shown).toMatch(new RegExp(`INFO: Would remove version ${first} of vm \\(.*, expired 2020-01-01 00:00:00\\)\\.`));
    expect(shown).toContain(`Version ${last} of vm has expired, but is the newest valid version of its name: it is kept.`);
    expect(lab.versions()).toHaveLength(3);
    const done = await lab.ok('rm', '--expired');
    expect(done).toContain(`INFO: Removed backup version ${first} with 4 blocks.`);
    expect(done).toContain('INFO: Removed 1 expired version. Kept 1: 1 newest valid of their name.');
    expect(
      lab
        .versions()
        .map(({ uid }) => uid)
        .sort(),
    ).toEqual([last, other].sort());
    expect(await lab.ok('-m', 'rm', '--expired')).toBe('');
  });

  test('--expired takes one name that has versions, -n needs it', async () => {
    const usage = async (...args: string[]) => {
      const { code, stderr } = await lab.run(['rm', ...args]);
      return { code, line: stderr.split('\n')[0] };
    };
    expect(await usage('--expired', 'a', 'b')).toEqual({ code: 2, line: 'error: --expired takes at most one name.' });
    expect(await usage('-n', 'uid')).toEqual({ code: 2, line: 'error: --dry-run needs --expired.' });
    expectFailure(await lab.run(['rm', '--expired', 'nobody']), 100, 'There is no version named "nobody".');
  });

  test('young versions are kept unless -f is given', async () => {
    lab.configure({ DEFAULTS: { disallow_rm_when_younger_than_days: 6 } });
    const uid = await small('vm');
    expectFailure(await lab.run(['rm', uid]), 100, `Version ${uid} is too young. Will not delete.`);
    lab.age({ days: 7 });
    const old = lab.version(uid).date;
    const young = await small('young');
    await lab.ok('rm', uid);
    expect(lab.versions().map((version) => version.uid)).toEqual([young]);
    expect(old).toBeDefined();
    await lab.ok('rm', '-f', young);
    expect(lab.versions()).toEqual([]);
  });

  test('removed blobs stay for an hour, then cleanup takes those that no version names', async () => {
    const gone = await small('a');
    const image = noise(3 * BLOCK + 5, 'a').subarray(0, 2 * BLOCK);
    const kept = await lab.backup(`file://${lab.write('image', image)}`, 'kept');
    await lab.ok('rm', gone);
    expect(lab.query('SELECT uid FROM deleted_blocks')).toHaveLength(4);
    await lab.ok('cleanup');
    expect(lab.blobs()).toHaveLength(4);
    lab.sql('UPDATE deleted_blocks SET time = time - 3601');
    await lab.ok('cleanup');
    expect(lab.blobs()).toHaveLength(2);
    expect(lab.query('SELECT uid FROM deleted_blocks')).toEqual([]);
    expect(await lab.restoredSha256(kept)).toBe(sha256(image));
  });

  test.each([
    ['cleanup -f -p', ['-f']],
    ['cleanup --dangerous-force -p', ['--dangerous-force']],
  ])('%s deletes only blobs with that prefix', async (_, options) => {
    const uid = await lab.backup(`file://${lab.write('image', noise(60 * BLOCK, 'image'))}`, 'vm');
    await lab.ok('rm', uid);
    const prefix = lab.blobs()[0]?.slice(0, 1) ?? '';
    const others = lab.blobs().filter((blob) => !blob.startsWith(prefix));
    await lab.ok('cleanup', ...options, '-p', prefix);
    expect(lab.blobs()).toEqual(others);
    await lab.ok('cleanup', ...options);
    expect(lab.blobs()).toEqual([]);
  });
});

describe('tags and expire dates', () => {
  test('-t takes comma separated tags with CSV quoting, instead of the automatic ones', async () => {
    const uid = await small('vm', '-t', 'a,"b,c", d');
    expect(lab.tags(uid)).toEqual(['a', 'b,c', 'd']);
  });

  test('without -t the first backup of a name is daily, weekly and monthly, and the next one has no tag', async () => {
    const output = await lab.ok('backup', `file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
    const uid = lab.versions()[0]?.uid;
    expect(output).toContain(`INFO: New version: ${uid} (Tags: [b_daily,b_weekly,b_monthly])`);
    expect(await lab.ok('backup', `file://${lab.path('image')}`, 'vm')).toMatch(/New version: \S+ \(Tags: \[\]\)/);
    expect(await lab.ok('backup', `file://${lab.path('image')}`, 'other')).toContain('(Tags: [b_daily,b_weekly,b_monthly])');
  });

  test('a backup after 8 days is daily and weekly, after 40 days monthly too', async () => {
    const uid = await small('vm');
    lab.age({ days: 8 }, uid);
    expect(lab.tags(await small('vm')).sort()).toEqual(['b_daily', 'b_weekly']);
    lab.age({ days: 40 });
    expect(lab.tags(await small('vm')).sort()).toEqual(['b_daily', 'b_monthly', 'b_weekly']);
  });

  test('add-tag and remove-tag take lists with CSV quoting; existing and missing tags are fine', async () => {
    const uid = await small('vm', '-t', 'start');
    await lab.ok('add-tag', uid, 'a,"x,y",start');
    expect(lab.tags(uid)).toEqual(['a', 'start', 'x,y']);
    await lab.ok('remove-tag', uid, '"x,y",start,unknown');
    expect(lab.tags(uid)).toEqual(['a']);
  });

  test.each([
    ['2031-02-03', '2031-02-03 00:00:00.000000'],
    ['2031-02-03 04:05:06', '2031-02-03 04:05:06.000000'],
    ['2031-02-03T04:05:06', '2031-02-03 04:05:06.000000'],
  ])('expire %s is kept, by backup -e and by expire', async (text, stored) => {
    const uid = await small('vm', '-e', text);
    expect(lab.version(uid).expire).toBe(stored);
    await lab.ok('expire', uid, '');
    expect(lab.version(uid).expire).toBeNull();
    await lab.ok('expire', uid, text);
    expect(lab.version(uid).expire).toBe(stored);
  });

  test.each(['2031-02-30', '2031-13-01', 'tomorrow', '2031-02-03 25:00:00', '03.02.2031'])(
    'a bad date (%s) exits 1',
    async (date) => {
      const uid = await small('vm');
      expectFailure(await lab.run(['expire', uid, date]), 1, date);
      expectFailure(await lab.run(['backup', '-e', date, 'null://8kB', 'x']), 1, date);
      expect(lab.versions()).toHaveLength(1);
    },
  );
});

describe('ls', () => {
  test('filters by name, snapshot name, tag and expiry, and sorts by name, then date', async () => {
    const b1 = await small('b', '-s', 'monday', '-t', 'x', '-e', '2001-01-01');
    const a = await small('a', '-s', 'monday', '-t', 'y');
    const b2 = await small('b', '-s', 'tuesday', '-t', 'x,y', '-e', '2101-01-01');
    const uids = async (...args: string[]) => (await lab.ok('-ms', 'ls', '-f', 'uid', ...args)).split('\n').filter(Boolean);
    expect(await uids()).toEqual([a, b1, b2]);
    expect(await uids('b')).toEqual([b1, b2]);
    expect(await uids('nobody')).toEqual([]);
    expect(await uids('-s', 'monday')).toEqual([a, b1]);
    expect(await uids('-s', 'tuesday', 'b')).toEqual([b2]);
    expect(await uids('-t', 'y')).toEqual([a, b2]);
    expect(await uids('-e')).toEqual([b1]);
    expect(await uids('a', '-t', 'x')).toEqual([]);
  });

  test('-m joins columns with |, -s leaves the header out, -f picks and orders columns', async () => {
    const uid = await small('vm', '-s', 'snap', '-t', 'a,b');
    const date = lab.version(uid).date.slice(0, 19);
    const header = 'date|name|snapshot_name|size|size_bytes|uid|valid|protected|tags|expire\n';
    const row = `${date}|vm|snap|4|${3 * BLOCK + 5}|${uid}|1|0|a,b|\n`;
    expect(await lab.ok('-m', 'ls')).toBe(header + row);
    expect(await lab.ok('-ms', 'ls')).toBe(row);
    expect(await lab.ok('-s', '-m', 'ls', 'vm', '-f', 'size,name')).toBe('4|vm\n');
  });

  test('a table by default; -s leaves its header out, -r writes sizes with units', async () => {
    const image = lab.write('image', Buffer.alloc(8 * 1024 * 1024));
    await lab.backup(`file://${image}`, 'vm', '-t', 'a');
    const table = (output: string) => output.split('\n').filter((line) => /^[+|]/.test(line));
    expect(table(await lab.ok('ls', '-f', 'name,size_bytes'))).toEqual([
      '+------+------------+',
      '| name | size_bytes |',
      '+------+------------+',
      '| vm   |    8388608 |',
      '+------+------------+',
    ]);
    expect(table(await lab.ok('-sr', 'ls', '-f', 'name,size_bytes'))).toEqual([
      '+----+-------+',
      '| vm | 8 MiB |',
      '+----+-------+',
    ]);
  });

  test('an unknown field is an error that lists the known ones', async () => {
    const { code, stderr } = await lab.run(['ls', '-f', 'name,colour']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('colour');
    expect(stderr).toMatch(/date.*name.*snapshot_name.*size_bytes.*uid.*valid.*protected.*tags.*expire/s);
  });

  test('--json writes one document with numbers as numbers and times with Z', async () => {
    const uid = await small('vm', '-t', 'a,b', '-e', '2031-01-02');
    const rows: unknown = JSON.parse(await lab.ok('--json', 'ls'));
    const expected = { uid, name: 'vm', size: 4, size_bytes: 3 * BLOCK + 5, tags: ['a', 'b'] };
    expect(rows).toEqual([expect.objectContaining(expected)]);
    expect(JSON.stringify(rows)).toMatch(/"2031-01-02T00:00:00(\.0+)?Z"/);
  });
});

describe('backup and restore', () => {
  test('backup -m prints the uid when the version exists and once more at the end, and nothing else', async () => {
    const stdout = await lab.ok('-m', 'backup', `file://${lab.write('image', noise(BLOCK, 'image'))}`, 'vm');
    const uid = lab.versions()[0]?.uid;
    expect(stdout).toBe(`${uid}\n${uid}\n`);
  });

  test.each([
    ['no JSON', 'nonsense', /not JSON/],
    ['no array', '{}', /array/],
    ['an entry without a length', '[{"offset": 0, "exists": true}]', /length.*entry 1/],
    ['an entry past the end', `[{"offset": 0, "length": ${100 * BLOCK}, "exists": true}]`, /higher offsets/],
    ['a negative offset', '[{"offset": 0, "length": 1, "exists": true}, {"offset": -1, "length": 1, "exists": true}]', /entry 2/],
  ])('hints with %s are a clear error before anything is made', async (_, text, said) => {
    const source = `file://${lab.write('image', noise(BLOCK, 'image'))}`;
    expectFailure(await lab.run(['backup', '-r', lab.write('hints', text), source, 'vm']), 100, said);
    expect(lab.versions()).toEqual([]);
  });

  test('hints without a base: untouched blocks are sparse', async () => {
    const image = Buffer.alloc(4 * BLOCK);
    noise(BLOCK, 'image').copy(image, 2 * BLOCK);
    const hints = lab.write('hints', JSON.stringify([{ offset: 2 * BLOCK, length: 10, exists: true }]));
    const uid = await lab.backup('-r', hints, `file://${lab.write('image', image)}`, 'vm');
    const expected = Buffer.alloc(4 * BLOCK);
    image.copy(expected, 2 * BLOCK, 2 * BLOCK, 3 * BLOCK);
    expect(await lab.restoredSha256(uid)).toBe(sha256(expected));
  });

  test('-c refuses a valid version, and one of another size', async () => {
    const uid = await small('vm');
    expectFailure(
      await lab.run(['backup', '-c', uid, `file://${lab.path('image')}`, 'vm']),
      100,
      'cannot continue a valid version',
    );
    lab.sql('UPDATE versions SET valid = 0');
    expectFailure(await lab.run(['backup', '-c', uid, 'null://4kB', 'vm']), 100, 'different size');
    await lab.ok('backup', '-c', uid, `file://${lab.path('image')}`, 'vm', '-t', 'more', '-e', '2031-01-01');
    expect(lab.version(uid).valid).toBe(1);
    expect(lab.tags(uid)).toContain('more');
  });

  test('restore -c skips the blocks below a number', async () => {
    const image = noise(10 * BLOCK, 'image');
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const target = lab.write('target', Buffer.alloc(10 * BLOCK, 5));
    await lab.ok('restore', '-f', '-c', '7', uid, `file://${target}`);
    expect(sha256OfFile(target)).toBe(sha256(Buffer.concat([Buffer.alloc(7 * BLOCK, 5), image.subarray(7 * BLOCK)])));
  });

  test('paths may be relative, as source and as target', async () => {
    lab.write('image', noise(2 * BLOCK, 'image'));
    const uid = await lab.backup('file://image', 'vm');
    await lab.ok('restore', uid, 'file://target');
    expect(sha256OfFile(lab.path('target'))).toBe(sha256(noise(2 * BLOCK, 'image')));
  });
});
