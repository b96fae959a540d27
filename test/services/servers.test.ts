import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, test } from 'vitest';
import { createDatabase, dropDatabase, PostgresServer, postgresQuery } from './postgres.ts';
import { createBucket, deleteBucket, listKeys, s3Request } from './s3-buckets.ts';

const run = promisify(execFile);
const GUARD = fileURLToPath(new URL('guard.sh', import.meta.url));
/** Starts a server that only sleeps, under guard. */
const STARTER = `
  const { spawn } = require('node:child_process');
  const { readFileSync, writeFileSync } = require('node:fs');
  const [guard, folder] = process.argv.slice(1);
  spawn('bash', [guard, folder], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  const { pid } = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const start = readFileSync('/proc/' + pid + '/stat', 'utf8').split(') ')[1].split(' ')[19];
  writeFileSync(folder + '/run/sleep.pid', pid + ' ' + start + ' QUIT\\n');
  console.log(pid);`;

describe('the servers of the tests', () => {
  test('PostgreSQL makes and removes databases', async () => {
    const postgres = inject('postgres');
    const name = await createDatabase(postgres);
    expect(await postgresQuery(postgres, name, 'SELECT current_database() AS name')).toEqual([{ name }]);
    await dropDatabase(postgres, name);
    await expect(postgresQuery(postgres, name, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });

  test('a PostgreSQL keeps its data over a restart and a crash, and leaves no files when it is stopped', async () => {
    const server = await PostgresServer.start();
    const database = await server.createDatabase();
    await server.query(database, 'CREATE TABLE t AS SELECT 7 AS n');
    await server.restart('fast');
    await server.restart('immediate');
    expect(await server.query(database, 'SELECT n FROM t')).toEqual([{ n: 7 }]);
    await server.stop();
    expect(existsSync(server.socketFolder)).toBe(false);
    await expect(server.query(database, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
  });

  test('servers end with the process that started them, even if it is killed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'backy2-guard-'));
    mkdirSync(join(folder, 'run'));
    const starter = spawn(process.execPath, ['-e', STARTER, GUARD, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(starter.stdout, 'data');
    const server = Number(said);
    expect(isRunning(server)).toBe(true);
    starter.kill('SIGKILL');
    await expect.poll(() => isRunning(server)).toBe(false);
    await expect.poll(() => existsSync(folder)).toBe(false);
  });

  test('the gateway keeps objects in buckets', async () => {
    const { s3 } = inject('ceph');
    const bucket = await createBucket(s3);
    const body = Buffer.from('some bytes');
    await s3Request(s3, 'PUT', `/${bucket}/a%26b`, { body });
    await s3Request(s3, 'PUT', `/${bucket}/c`, { body });
    expect(await listKeys(s3, bucket)).toEqual(['a&b', 'c']);
    expect(await s3Request(s3, 'GET', `/${bucket}/c`)).toEqual(body);
    await deleteBucket(s3, bucket);
    await expect(listKeys(s3, bucket)).rejects.toThrow(/NoSuchBucket/);
  });

  test('Ceph keeps images in its pool', async () => {
    const { conf, pool } = inject('ceph');
    await run('rbd', ['--conf', conf, 'create', '--size', '8M', `${pool}/servers-test`]);
    expect((await run('rbd', ['--conf', conf, 'ls', pool])).stdout.split('\n')).toContain('servers-test');
    await run('rbd', ['--conf', conf, 'rm', '--no-progress', `${pool}/servers-test`]);
  });
});

/** Also false for a zombie: its starter has ended, and a container's init may reap late. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
