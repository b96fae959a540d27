import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { clockAt } from '../support/program/clock.ts';
import { PostgresFileStore } from '../support/stores/postgres-file-store.ts';
import { createDatabase, dropDatabase } from './postgres.ts';

const HOUR = 3600;

let lab: Lab;
let database: string;
let dataPath: string;
beforeEach(async () => {
  const postgres = inject('postgres');
  database = await createDatabase(postgres);
  dataPath = mkdtempSync(join(tmpdir(), 'backy2-clocks-'));
  lab = await Lab.create({ workers: 1, store: new PostgresFileStore({ postgres, database, dataPath }) });
});
afterEach(async () => {
  lab.remove();
  rmSync(dataPath, { recursive: true, force: true });
  await dropDatabase(inject('postgres'), database);
});

/**
 * Runs a cleanup on a host whose clock is ahead of the server's.
 * @returns the number of deleted blobs.
 */
async function deletedBy(aheadSeconds: number): Promise<number> {
  const env = clockAt(new Date(Date.now() + aheadSeconds * 1000));
  const { code, stdout, stderr } = await lab.run(['--json', 'cleanup'], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return (JSON.parse(stdout) as { blobs_deleted: number }).blobs_deleted;
}

test.each([0, -2 * HOUR, 2 * HOUR])(
  'the age of a blob to delete is by the server’s clock, whatever the clocks of removing (%i s ahead) and cleaning hosts',
  async (ahead) => {
    const uid = await lab.backup(`file://${lab.write('a', noise(5 * 4096, 'a'))}`, 'a');
    const env = clockAt(new Date(Date.now() + ahead * 1000));
    expect((await lab.run(['rm', '-f', uid], { env })).code).toBe(0);
    const before = { dump: lab.dump(), blobs: lab.blobs() };
    for (const host of [0, 2 * HOUR, 4 * 365 * 24 * HOUR]) expect(await deletedBy(host)).toBe(0);
    expect({ dump: lab.dump(), blobs: lab.blobs() }).toEqual(before);
    lab.sql('UPDATE deleted_blocks SET time = time - ?', HOUR);
    expect(await deletedBy(-2 * HOUR)).toBe(5);
  },
);
