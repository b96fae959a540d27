import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metaCleanupSuite } from '../support/conformance/meta-cleanup.ts';
import { MetaLab, row } from '../support/conformance/meta-lab.ts';
import { uidOf } from '../support/conformance/numbered-blobs.ts';
import { raceProcesses } from '../support/garbage/race-processes.ts';
import { type Counts, EVENTS, MemoryWorld } from '../support/garbage/race-world.ts';
import { StoreRace } from '../support/garbage/store-race.ts';
import { runSeed } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { PostgresServer } from './postgres.ts';
import { postgresFixtures } from './postgres-fixture.ts';

const SEED = runSeed();
/** Of each connection. */
const OPERATIONS = process.env.BACKY_LONG_TESTS ? 1_000 : 100;
/** Rounds of these operations, until all that can happen has happened. */
const MOST_ROUNDS = 5;
/** Of several processes together, which end after this time if they are slower. */
const [STEPS, RACE_MS] = process.env.BACKY_LONG_TESTS ? [5_000, 240_000] : [100, 15_000];
const TABLES = ['backy2_blobs', 'backy2_leaves', 'backy2_maps', 'backy2_map_leaves', 'backy2_candidates', 'backy2_doomed'];

let server: PostgresServer;
beforeAll(async () => {
  server = await PostgresServer.start();
});
afterAll(() => server.stop());

describe('cleanup of the compact layout on PostgreSQL', () => {
  let database: string;
  const create = postgresFixtures(() => server, 'compact');
  const lab = new MetaLab(async () => {
    const fixture = await create();
    database = fixture.database;
    return fixture;
  });

  describe('conformance', () => metaCleanupSuite(lab));

  /** Runs `body` while another transaction holds a lock of ours, and commits that once it waits. */
  async function besides<T>(lock: 'naming' | 'judging', changes: string, body: () => Promise<T>): Promise<T> {
    const other = await server.session(database);
    await other.query(`BEGIN; SELECT pg_advisory_xact_lock${lock === 'naming' ? '_shared' : ''}(1650549611, 1)`);
    const running = body();
    // It may fail before the other session has ended.
    running.catch(() => {});
    await server.waitsForLock(database);
    await other.query(`${changes}; COMMIT`);
    await other.end();
    return running;
  }

  it('waits for a commit that has found a blob, and spares the blob', async () => {
    await lab.whole('v1', 100);
    await lab.meta.removeVersion('v1', () => {});
    const rescue = `DELETE FROM backy2_candidates WHERE blob = (SELECT id FROM backy2_blobs WHERE uid = '${uidOf(100)}')`;
    expect(await besides('naming', rescue, () => lab.meta.dropUsedCandidates(0))).toBe(9);
    expect(await lab.meta.doomCandidates(0, 100, '')).not.toContain(uidOf(100));
  });

  it('keeps commits waiting while it judges, which refuse the blob then', async () => {
    await lab.whole('v1', 100);
    await lab.meta.removeVersion('v1', () => {});
    await lab.newVersion('v2');
    const judge = 'UPDATE backy2_candidates SET scanned = -1';
    const { refused } = await besides('judging', judge, () => lab.commit('v2', [row(0, 100, true)]));
    expect(refused).toHaveLength(1);
  });

  it('takes no blob whose leaf a commit reuses while its version is removed', async () => {
    await lab.whole('v1', 100);
    await lab.newVersion('v2');
    const reuse = `INSERT INTO backy2_map_leaves (map, idx, leaf)
      SELECT backy2_maps.id, 0, backy2_leaves.id FROM backy2_maps, backy2_leaves WHERE version_uid = 'v2'`;
    await besides('naming', reuse, () => lab.meta.removeVersion('v1', () => {}));
    expect(await lab.doom(0, 100, '')).toEqual([]);
    expect(await lab.rowsOf('v2')).toHaveLength(10);
  });

  it('keeps the row of an unused blob that an import has named, as a bad one, while its bytes were deleted', async () => {
    await lab.whole('v1', 100);
    await lab.meta.removeVersion('v1', () => {});
    const uids = await lab.doom(0, 100, '');
    const rescue = `DELETE FROM backy2_candidates WHERE blob = (SELECT id FROM backy2_blobs WHERE uid = '${uidOf(100)}')`;
    await besides('naming', rescue, () => lab.meta.forgetDoomed(uids));
    expect(await server.query(database, 'SELECT uid FROM backy2_blobs')).toEqual([{ uid: uidOf(100) }]);
  });

  it('keeps an undeletion waiting while it dooms, which is refused then', async () => {
    await lab.whole('v1', 100);
    const version = await lab.meta.findVersion('v1');
    const rows = await lab.meta.datedBlockPage('v1', -1, 100);
    if (version === undefined) throw new Error('there is no version');
    await lab.meta.removeVersion('v1', () => {});
    async function* all() {
      yield* rows;
    }
    const doom = `INSERT INTO backy2_doomed (uid, time) VALUES ('${uidOf(100)}', 1)`;
    const back = () => lab.meta.importVersion(version, all(), { isTrusted: true, allOrNothing: true });
    await expect(besides('judging', doom, back)).rejects.toMatchObject({ code: 'refused' });
    await server.query(database, 'DELETE FROM backy2_doomed');
    await back();
    expect(await lab.doom(0, 100, '')).toEqual([]);
    expect(await lab.rowsOf('v1')).toHaveLength(10);
  });

  it('deletes a leaf that two backups replace at the same time', async () => {
    const zeros = { first: 0, count: 5 };
    for (const uid of ['v1', 'v2']) {
      await lab.newVersion(uid);
      await lab.commit(uid, [], [zeros]);
    }
    const [shared] = await server.query<{ leaf: number; maps: number }>(
      database,
      'SELECT leaf, count(*)::int AS maps FROM backy2_map_leaves GROUP BY leaf',
    );
    expect(shared?.maps).toBe(2);
    // As the commit of v2, which sees that v1 still has the leaf.
    const other = await server.session(database);
    await other.query(`BEGIN; SELECT pg_advisory_xact_lock_shared(1650549611, 1);
      SELECT 1 FROM backy2_leaves WHERE id = ${shared?.leaf} FOR NO KEY UPDATE;
      DELETE FROM backy2_map_leaves WHERE map = (SELECT id FROM backy2_maps WHERE version_uid = 'v2')`);
    const committing = lab.commit('v1', [row(7, 107)]);
    await Promise.race([committing, server.waitsForLock(database)]);
    await other.query('COMMIT');
    await other.end();
    await committing;
    expect(await lab.meta.checkShared(() => {})).toEqual([]);
  });

  it(`loses and leaks nothing when several hosts back up, remove and clean up at once and are killed (seed ${SEED}; BACKY_TEST_SEED repeats it)`, async () => {
    const stores = Array.from({ length: 4 }, () => lab.fixture.store());
    for (const store of stores) await store.open();
    const world = new MemoryWorld();
    const race = new StoreRace({ seed: SEED, world, kills: 0.02 });
    const isMissing = () => Object.values(world.counts).includes(0);
    // Refusals are rare.
    for (let round = 0; round === 0 || (round < MOST_ROUNDS && isMissing()); round++) await race.run(stores, OPERATIONS);
    await race.finish(lab.meta);
    for (const store of stores) await store.close();
    for (const table of TABLES) expect([table, await server.query(database, `SELECT * FROM ${table}`)]).toEqual([table, []]);
    for (const [what, count] of Object.entries(world.counts)) expect([what, count > 0]).toEqual([what, true]);
  });

  it(`loses and leaks nothing when several processes do so, and are killed at any moment (seed ${SEED})`, async () => {
    const engine = server.url(database);
    const folder = mkdtempSync(join(tmpdir(), 'backy2-race-'));
    const program = new Lab({ config: { MetaBackend: { engine } } });
    try {
      const isEnough = ({ backups, cleanups, killed }: Counts) => Math.min(backups, cleanups) >= STEPS && killed >= 5;
      const world = await raceProcesses({ engine, folder, seed: SEED, mostMs: RACE_MS, isEnough });
      await allGone();
      const race = new StoreRace({ seed: SEED, world });
      await race.checkAll(lab.meta);
      await program.ok('check-metadata');
      await race.finish(lab.meta);
      for (const table of TABLES) expect([table, await server.query(database, `SELECT * FROM ${table}`)]).toEqual([table, []]);
      // Refusals are rare.
      for (const event of EVENTS) if (event !== 'refused') expect([event, world.counts[event] > 0]).toEqual([event, true]);
    } finally {
      program.remove();
      rmSync(folder, { recursive: true });
    }
  });

  /** The server ends a killed process's statements once it notices. */
  async function allGone(): Promise<void> {
    const others = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
    await expect.poll(() => server.query(database, others)).toEqual([]);
  }
});
