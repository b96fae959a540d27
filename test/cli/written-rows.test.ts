import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { filesOnly } from '../support/stores/files-only.ts';

const BLOCK = 4096;

const TIME = /^text \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;
const TIME_OF_DATABASE = /^text \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;
const UUID_1 = /^text [0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const COUNT = /^integer \d+$/;
const FLAG = /^integer [01]$/;
const TEXT = /^text /;
/** After ten hex digits, no I, O, l, 0 and 1. */
const BLOB_UID = /^text [0-9a-f]{10}[2-9A-HJ-NP-Za-km-z]{22}$/;

/** The original's values for each column: SQLite type and text (docs/spec/formats.md §1, §2). */
const SHAPES: Record<string, Record<string, RegExp>> = {
  versions: {
    uid: UUID_1,
    date: TIME,
    expire: or(/^null $/, TIME),
    name: TEXT,
    snapshot_name: TEXT,
    size: COUNT,
    size_bytes: COUNT,
    valid: FLAG,
    protected: FLAG,
  },
  blocks: {
    uid: or(/^null $/, BLOB_UID),
    version_uid: UUID_1,
    id: COUNT,
    date: TIME,
    checksum: /^(?:null |text [0-9a-f]{128})$/,
    size: COUNT,
    valid: FLAG,
    enc_version: /^integer 0$/,
    enc_envkey: /^null $/,
    enc_nonce: /^null $/,
  },
  tags: { version_uid: UUID_1, name: TEXT },
  deleted_blocks: { id: COUNT, uid: BLOB_UID, size: COUNT, delete_candidate: /^integer 0$/, time: /^integer \d{10}$/ },
  stats: {
    date: TIME_OF_DATABASE,
    id: COUNT,
    version_uid: UUID_1,
    version_name: TEXT,
    ...Object.fromEntries(
      [
        ...['version_size_bytes', 'version_size_blocks', 'bytes_read', 'blocks_read', 'bytes_written', 'blocks_written'],
        ...['bytes_found_dedup', 'blocks_found_dedup', 'bytes_sparse', 'blocks_sparse', 'duration_seconds'],
      ].map((column) => [column, COUNT]),
    ),
  },
  alembic_version: { version_num: /^text 30349b678801$/ },
};

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.create({ blockSize: BLOCK, workers: 2 });
  await useEveryWriter();
});
afterAll(() => lab.remove());

describe('after every command that writes', () => {
  filesOnly('shape of rows', () => {
    test.each(Object.keys(SHAPES))('each value in table %s has the type and the shape that the original gives it', (table) => {
      const shapes = SHAPES[table] ?? {};
      const columns = lab.query<{ name: string }>('SELECT name FROM pragma_table_info(?)', table).map(({ name }) => name);
      expect(columns.sort()).toEqual(Object.keys(shapes).sort());
      const selected = columns.map((column) => `typeof(${column}) || ' ' || coalesce(${column}, '') AS ${column}`);
      const rows = lab.query<Record<string, string>>(`SELECT ${selected.join(', ')} FROM ${table}`);
      expect(rows.length).toBeGreaterThan(0);
      for (const row of rows) {
        for (const column of columns) expect(row[column], `${table}.${column}`).toMatch(shapes[column] ?? /^$/);
      }
    });
  });

  test('a block has a uid and a checksum, or neither; a uid begins with the md5 of the rest', () => {
    const rows = lab.query<{ uid: string | null; checksum: string | null }>('SELECT DISTINCT uid, checksum FROM blocks');
    expect(rows.filter(({ uid, checksum }) => (uid === null) !== (checksum === null))).toEqual([]);
    const uids = rows.flatMap(({ uid }) => uid ?? []);
    expect(uids.length).toBeGreaterThan(10);
    for (const uid of uids) expect(uid.slice(0, 10)).toBe(createHash('md5').update(uid.slice(10)).digest('hex').slice(0, 10));
  });

  test('times are UTC, and now', () => {
    const text = (milliseconds: number) => new Date(milliseconds).toISOString().slice(0, 19).replace('T', ' ');
    const [first, now] = [text(Date.now() - 3_600_000), text(Date.now())];
    for (const [table, column] of [
      ['versions', 'date'],
      ['blocks', 'date'],
      ['stats', 'date'],
    ]) {
      const [range] = lab.query<{ low: string; high: string }>(
        `SELECT min(${column}) AS low, max(${column}) AS high FROM ${table}`,
      );
      const [low = '', high = '~'] = [range?.low, range?.high].map((time) => time?.slice(0, 19));
      expect(low >= first && high <= now, `${table}.${column}: ${JSON.stringify(range)}`).toBe(true);
    }
    const seconds = Date.now() / 1000;
    for (const { time } of lab.query<{ time: number }>('SELECT time FROM deleted_blocks')) {
      expect(time).toBeGreaterThan(seconds - 3600);
      expect(time).toBeLessThanOrEqual(seconds);
    }
  });

  filesOnly('shape of rows', () => {
    test('our own data is in our own tables, and no table of the original refers to them', () => {
      const objects = lab.query<{ name: string; tbl_name: string; sql: string | null }>(
        'SELECT name, tbl_name, sql FROM sqlite_master',
      );
      const others = objects.filter(({ tbl_name }) => SHAPES[tbl_name] === undefined);
      expect(others.length).toBeGreaterThan(0);
      expect(others.filter(({ tbl_name }) => !tbl_name.startsWith('backy2_'))).toEqual([]);
      const theirs = objects.filter(({ tbl_name }) => SHAPES[tbl_name] !== undefined);
      expect(theirs.filter(({ sql }) => sql?.includes('backy2_'))).toEqual([]);
      expect(objects.filter(({ sql }) => /CREATE (TRIGGER|VIEW)/i.test(sql ?? ''))).toEqual([]);
    });
  });
});

/** Runs all kinds of backups, removals, imports and changes, in a time zone other than UTC. */
async function useEveryWriter(): Promise<void> {
  const ok = async (...args: string[]) => {
    const result = await lab.run(args, { env: { TZ: 'Asia/Kolkata' } });
    expect(result, args.join(' ')).toMatchObject({ code: 0 });
    return result.stdout.split('\n')[0] ?? '';
  };
  const image = Buffer.concat([noise(8 * BLOCK, 'a'), Buffer.alloc(2 * BLOCK), noise(3 * BLOCK + 77, 'b')]);
  const source = `file://${lab.write('image', image)}`;
  const first = await ok('-m', 'backup', '-s', 'snap', '-e', '2031-02-03', '-t', 'a,b', source, 'vm "1", é');
  lab.write('image', Buffer.concat([noise(BLOCK, 'c'), image.subarray(BLOCK)]));
  const hints = lab.write('hints.json', JSON.stringify([{ offset: 0, length: BLOCK, exists: true }]));
  const second = await ok('-m', 'backup', '-f', first, '-r', hints, '-e', '2031-02-03 04:05:06', source, 'vm');
  await ok('-m', 'backup', source, 'vm');
  await ok('add-tag', second, 'x,y');
  await ok('expire', second, '2032-01-01 01:02:03');
  await ok('expire', first, '2033-04-05');
  await ok('protect', first);
  await ok('export', first, lab.path('first.csv'));
  await ok('unprotect', first);
  await ok('rm', '-f', first);
  await ok('import', lab.path('first.csv'));
  const gone = await ok('-m', 'backup', `file://${lab.write('gone', noise(3 * BLOCK, 'gone'))}`, 'gone');
  await ok('rm', '-f', gone);
  await ok('cleanup');
  // A bad blob makes its blocks and their versions invalid.
  lab.write('bad', noise(2 * BLOCK, 'bad'));
  const bad = await ok('-m', 'backup', `file://${lab.path('bad')}`, 'bad');
  lab.blobAt(bad, 1).write(noise(BLOCK, 'other'));
  expect(await lab.run(['scrub', bad])).toMatchObject({ code: 20 });
  expect(lab.version(bad).valid).toBe(0);
  // A dropped row makes its blob a candidate for deletion.
  await ok('backup', '-c', bad, `file://${lab.path('bad')}`, 'bad');
}

function or(...patterns: RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join('|'));
}
