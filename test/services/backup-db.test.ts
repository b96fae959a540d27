import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { Host, type SharedStore } from './host.ts';
import { createDatabase, dropDatabase, postgresUrl } from './postgres.ts';

const BLOCK = 4096;
const IMAGE = noise(300 * BLOCK, 'image');

let store: SharedStore;
let host: Host;
beforeEach(async () => {
  const dataPath = mkdtempSync(join(tmpdir(), 'backy2-shared-'));
  const postgres = inject('postgres');
  store = { postgres, database: await createDatabase(postgres), config: {}, dataPath, blockSize: BLOCK };
  host = new Host('host-one', store);
  await host.ok('initdb');
});
afterEach(async () => {
  host.remove();
  rmSync(store.dataPath ?? '', { recursive: true });
  await dropDatabase(store.postgres, store.database);
});

test('backup-db dumps a PostgreSQL database during a backup, and pg_restore restores it', async () => {
  const uid = await host.backup(`file://${host.write('a', IMAGE)}`, 'a');
  host.configure({ DataBackend: { bandwidth_write: 30 * BLOCK } });
  const running = host.start(['-m', 'backup', `file://${host.write('b', noise(300 * BLOCK, 'other'))}`, 'b']);
  await expect.poll(() => running.stdout || running.hasEnded).toMatch(/-/);
  await host.ok('backup-db', host.path('copy'));
  expect(running.hasEnded).toBe(false);
  expect((await running.ended).code).toBe(0);
  expect(statSync(host.path('copy')).mode & 0o777).toBe(0o600);

  const restored = { ...store, database: await createDatabase(store.postgres) };
  const url = postgresUrl(store.postgres, restored.database);
  await promisify(execFile)('pg_restore', ['--no-owner', `--dbname=${url}`, host.path('copy')]);
  const other = new Host('host-two', restored);
  try {
    expect((await other.ok('-ms', 'ls', '-f', 'name,valid')).split('\n').filter(Boolean)).toEqual(['a|1', 'b|0']);
    expect(await other.restoredSha256(uid)).toBe(sha256(IMAGE));
  } finally {
    other.remove();
    await dropDatabase(store.postgres, restored.database);
  }
});
