import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { recordedTime } from '../recordings/dates.ts';
import type { Difference } from '../recordings/difference.ts';
import { dailyAlone, sortedByName } from '../recordings/due-tables.ts';
import { changed, distinct, image, ZERO } from '../recordings/image.ts';
import { hasRecordings } from '../recordings/location.ts';
import { Names } from '../recordings/names.ts';
import * as REASON from '../recordings/reasons.ts';
import type { ShellCommand } from '../recordings/recording.ts';
import { replay, type Texts } from '../recordings/replay.ts';
import { compareShell } from '../recordings/shell.ts';
import { editStats } from '../recordings/stats-rows.ts';
import { editTable } from '../recordings/table.ts';
import type { World } from '../recordings/world.ts';
import { PostgresServer } from './postgres.ts';
import { dumpSchema, oldPostgresSchema, plainSchema } from './postgres-schema.ts';

const RECORDING = '25-postgresql';
const [K1, K2] = ['decafbad'.repeat(8), '5ec2e7'.repeat(11).slice(0, 64)];
/** The last block is short, as recorded. */
const BLOCKS = [...distinct('a', 10), ZERO, ZERO, ...distinct('b', 11)];
const MIGRATED_TAGS = 'b_daily,b_monthly,b_weekly,migrated-encryption-to-1';
const SIZE = { sizeBytes: 90_119 };

let server: PostgresServer;
beforeAll(async () => {
  if (!hasRecordings) return;
  server = await PostgresServer.start();
  await server.query('postgres', "CREATE ROLE backy LOGIN PASSWORD 'backy'");
  for (const name of ['backy', 'backyold']) await server.query('postgres', `CREATE DATABASE ${name} OWNER backy`);
});
afterAll(() => server?.stop());

replay({
  recording: RECORDING,
  initdb: false,
  config: (text) => text.replace('127.0.0.1:54329', `127.0.0.1:${server.port}`),
  setup(world) {
    world.write('a', image(BLOCKS, SIZE));
    world.write('l', 'ten bytes!');
    world.write('h', JSON.stringify([{ offset: 3 * 4096, length: 4096, exists: true }]));
    world.config('e1.cfg', (text) => text.replace('encryption_version: 0', `encryption_version: 1\nencryption_key: ${K1}`));
    // Nothing listens there.
    world.config('bad.cfg', (text) => text.replace(`:${server.port}/`, ':1/'));
    world.config('old.cfg', (text) => text.replace(`:${server.port}/backy`, `:${server.port}/backyold`));
  },
  before: {
    6: (world) => world.write('a', image(changed(BLOCKS, { 3: 'changed' }), SIZE)),
    38: (world) => world.config('e1.cfg', (text) => text.replace(K1, K2), 'e1.cfg'),
  },
  after: { 41: placeOldDatabase },
  // Its dates are counted from now.
  clock: (call) => (call.argv.at(-1) === 'due' ? recordedTime(call) : undefined),
  shell,
  differences: differences(),
});

/**
 * Recreates the state that the recorder's 2.9.18 left: its tables, with a backup of the current
 * content of `a`.
 */
async function placeOldDatabase(world: World): Promise<void> {
  const uid = randomUUID();
  for (const sql of oldPostgresSchema('29c655b78818')) await server.query('backyold', `SET ROLE backy; ${sql}`);
  const [like] = await server.query<{ uid: string }>(
    'backy',
    "SELECT uid FROM versions WHERE name = 'vm' AND snapshot_name = '' AND valid = 1 ORDER BY date LIMIT 1",
  );
  const version = (
    await server.query<{ json: string }>(
      'backy',
      `SELECT row_to_json(v)::text AS json FROM versions v WHERE uid = '${like?.uid}'`,
    )
  )[0];
  const rows = await server.query<{ json: string }>(
    'backy',
    `SELECT row_to_json(b)::text AS json FROM blocks b WHERE version_uid = '${like?.uid}'`,
  );
  await server.query('backyold', 'INSERT INTO versions SELECT * FROM json_populate_record(null::versions, $1)', [
    JSON.stringify({ ...JSON.parse(version?.json ?? ''), uid, name: 'old', date: new Date().toISOString().slice(0, 23) }),
  ]);
  await server.query('backyold', 'INSERT INTO blocks SELECT * FROM json_populate_recordset(null::blocks, $1)', [
    JSON.stringify(rows.map(({ json }) => ({ ...JSON.parse(json), version_uid: uid }))),
  ]);
  await server.query('backyold', "INSERT INTO tags SELECT $1, unnest(ARRAY['b_daily', 'b_weekly', 'b_monthly'])", [uid]);
  world.bind(43, uid);
}

async function shell(world: World, step: ShellCommand, wanted: string): Promise<Texts | undefined> {
  const { command } = step;
  if (command.startsWith('cd o;')) return undefined;
  if (command.includes('> $LAB/schema-pg.sql;'))
    return { expected: plainSchema(wanted), actual: await dumpSchema(server, 'backy') };
  if (command.includes('schema-pg-migrated')) return { expected: migration(wanted), actual: migration(await migrated(world)) };
  const psql = /psql .*$/.exec(command)?.[0];
  if (psql === undefined) return compareShell(world, step, wanted);
  const here = world.names.toActual(psql).replace('$LAB/pg -p 54329', `${server.socketFolder} -p ${server.port}`);
  const printed = execFileSync('sh', ['-c', here], { cwd: '/', encoding: 'utf8', env: { ...process.env, LANG: 'C.UTF-8' } });
  const [expected, actual] = [wanted, printed].map(laidOut) as [string, string];
  return {
    expected: world.recordedDates(Names.recordedText(expected)),
    actual: world.actualDates(world.names.toRecorded(actual, expected)),
  };
}

/**
 * Removes differences of layout: widths depend on the digits of times, the order of rows on earlier
 * updates.
 */
function laidOut(text: string): string {
  const lines = text.trim().split('\n');
  return lines
    .map((line) =>
      line
        .replaceAll(/-{3,}/g, '---')
        .replaceAll(/ +/g, ' ')
        .replaceAll(/\.\d{1,6}(?= \|)/g, '')
        .trim(),
    )
    .filter((line) => line !== '')
    .sort((a, b) => (name(a) < name(b) ? -1 : 1))
    .join('\n');
}

/** A sort key of the parts that do not change from run to run. */
function name(line: string): string {
  return line.split('|').reverse().join('|');
}

/** The recorder compared the schema of the upgraded database with that of a new one. */
async function migrated(world: World): Promise<string> {
  for (const database of ['backy', 'backyold']) writeFileSync(world.path(`${database}.sql`), await dumpSchema(server, database));
  const [revision] = await server.query<{ version_num: string }>('backyold', 'SELECT version_num FROM alembic_version');
  const difference = execFileSync('sh', ['-c', 'diff backy.sql backyold.sql || true'], { cwd: world.folder, encoding: 'utf8' });
  return `${revision?.version_num}\n${difference}`;
}

/** The changes in a diff, without their positions. */
function migration(text: string): string {
  return text
    .split('\n')
    .filter((line) => /^[0-9a-f]{12}$|^[<>] /.test(line) && !/^[<>] (--|\\)/.test(line))
    .join('\n');
}

function differences(): Difference[] {
  const recording = RECORDING;
  const NEW_VERSION = 'docs/spec/command-line.md §2: a new version is reported in one form';
  const TAG_ORDER = 'docs/spec/command-line.md §3: tags are sorted';
  return [
    { recording, call: 9, reason: REASON.DEDUP_COUNTED, stdout: (so) => editStats(so, counted) },
    {
      recording,
      call: 22,
      reason: REASON.EMPTY_IS_NULL,
      files: { command: /enc_nonce=''/, says: (so) => so.replaceAll(/\| f( *)\| t$/gm, '| t$1|') },
    },
    { recording, call: 26, reason: REASON.DEFAULT_SCHEDULERS, stdout: dailyAlone },
    { recording, call: 27, reason: REASON.SCHEDULE_ORDER, stdout: sortedByName },
    { recording, call: 33, reason: REASON.MIGRATION_WORKS, exitCode: 0 },
    {
      recording,
      call: 34,
      reason: NEW_VERSION,
      stdout: (so) => so.replace(/(New version: \S+)\.$/m, `$1 (Tags: [${MIGRATED_TAGS}])`),
    },
    { recording, call: 35, reason: REASON.MIGRATION_WORKS, stdout: (so) => editTable(so, (rows) => rows.map(finished)) },
    {
      recording,
      call: 42,
      reason: TAG_ORDER,
      stdout: (so) => so.replace('b_daily,b_weekly,b_monthly', 'b_daily,b_monthly,b_weekly'),
    },
  ];
}

type Row = Record<string, string>;

/**
 * Two of 23 blocks are zero. Sampled blocks do not count as read, as in the list of all
 * differences.
 */
function counted(row: Row): Row {
  const zeros = { 'bytes sparse': '8192', 'blocks sparse': '2' };
  if (row['blocks written'] === '21') return { ...row, ...zeros };
  if (row['blocks written'] === '0') return { ...row, ...zeros, 'bytes dedup': '81927', 'blocks dedup': '21' };
  return { ...row, 'bytes read': '4096', 'blocks read': '1', 'bytes dedup': '77831', 'blocks dedup': '20' };
}

function finished(row: Row): Row {
  return row.valid === '0' ? { ...row, valid: '1', tags: MIGRATED_TAGS } : row;
}
