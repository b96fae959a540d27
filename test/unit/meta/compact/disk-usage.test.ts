import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../../src/logger.ts';
import { BlobRanks } from '../../../../src/meta/compact/blob-ranks.ts';
import { MOST_IDS } from '../../../../src/meta/compact/blob-set.ts';
import { BlobUses } from '../../../../src/meta/compact/blob-uses.ts';
import { diskUsage, MOST_BLOBS } from '../../../../src/meta/compact/disk-usage.ts';
import { SqliteConnection } from '../../../../src/meta/sqlite/connection.ts';
import { open } from '../../../../src/meta/sqlite/lifecycle.ts';
import { sqliteStore } from '../../../../src/meta/sqlite/sqlite-store.ts';
import type { BackupRow } from '../../../../src/model/block.ts';
import { NO_COUNTS } from '../../../../src/model/counters.ts';
import { seededRandom } from '../../../support/images/random.ts';

const MIB = 2 ** 20;

describe('memory for the uses of blobs', () => {
  it('is at most 140 MiB, however many blobs the database has', () => {
    const ranks = new BlobRanks(1, MOST_IDS);
    const uses = new BlobUses(ranks, 0, MOST_BLOBS);
    expect(ranks.bytes + uses.bytes).toBeLessThanOrEqual(140 * MIB);
  });
});

describe('numbers of blobs', () => {
  it('are given in the order of ids, to those that were added', () => {
    const random = seededRandom(7);
    const added = new Set([1000, 1031, 1032, 1127, 1128, 5000]);
    for (let i = 0; i < 500; i++) added.add(1000 + Math.floor(random() * 4000));
    const ranks = new BlobRanks(1000, 5000);
    for (const blob of [...added, 3, 999, 5001, 2 ** 40]) ranks.add(blob);
    ranks.number();
    const sorted = [...added].sort((a, b) => a - b);
    expect(ranks.count).toBe(sorted.length);
    for (let blob = 990; blob < 5010; blob++) expect(ranks.of(blob)).toBe(sorted.indexOf(blob));
    expect(ranks.of(2 ** 40)).toBe(-1);
  });
});

describe('the usage of versions', () => {
  let folder: string;
  let connection: SqliteConnection;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'backy2-usage-'));
    const options = {
      path: join(folder, 'backy.sqlite'),
      cacheMb: 4,
      createIfMissing: false,
      logger: silentLogger,
      now: () => new Date(),
    };
    const store = sqliteStore(options);
    await store.initialize('compact');
    await store.open();
    const random = seededRandom(3);
    const blobs: BackupRow[] = [];
    for (let v = 0; v < 4; v++) {
      const size = 1200 + v;
      await store.createVersion({
        uid: `v${v}`,
        name: 'vm',
        snapshotName: '',
        size,
        sizeBytes: size * 100,
        expire: null,
        tags: [],
      });
      const sparse = [{ first: 100, count: 50 }];
      const rows: BackupRow[] = [];
      for (let id = 0; id < size; id++) {
        if (id >= 100 && id < 150) continue;
        const known = blobs[Math.floor(random() * blobs.length)];
        const n = blobs.length;
        const fresh = {
          uid: `${n}`.padStart(32, '0'),
          checksum: `${n}`.padStart(128, '0'),
          size: 100,
          encVersion: 0,
          envKey: null,
          nonce: null,
        };
        const row = known !== undefined && random() < 0.6 ? { ...known, id, found: true } : { ...fresh, id, found: false };
        if (!row.found) blobs.push(row);
        rows.push(row);
      }
      // Found blobs must have been committed before.
      for (const found of [false, true])
        await store.commitGroup(
          `v${v}`,
          { rows: rows.filter((row) => row.found === found), sparse: found ? [] : sparse, counters: () => NO_COUNTS },
          { blockSize: 100, sizeBytes: size * 100 },
        );
    }
    await store.close();
    connection = new SqliteConnection(options);
    await open(connection, options);
  });
  afterEach(() => {
    connection.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is the same, however many blobs are counted at a time', async () => {
    const uids = ['v0', 'v1', 'v2', 'v3', 'unknown'];
    const all = await diskUsage(connection, uids, () => {});
    expect(all[1]).toMatchObject({ sparse: 5000, real: (1201 - 50) * 100 });
    expect(all[4]).toMatchObject({ sparse: 0, real: 0 });
    const read: string[] = [];
    const inParts = await diskUsage(connection, uids, (uid) => void read.push(uid), 100);
    expect(read.length).toBeGreaterThan(50);
    for (const [i, { estimated, ...usage }] of all.entries()) {
      expect(inParts[i]).toMatchObject(usage);
      expect(inParts[i]?.estimated).toBeCloseTo(estimated, 6);
    }
    const [one] = await diskUsage(connection, ['v1'], () => {});
    expect(one).toMatchObject({ real: all[1]?.real, individual: all[1]?.individual, freed: all[1]?.freed });
  });
});
