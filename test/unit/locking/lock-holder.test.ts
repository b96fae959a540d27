import { appendFileSync, chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FileLockService } from '../../../src/locking/file-lock.ts';

const HOST = 'web1';
/** A process that runs. */
const PARENT = { command: 'restore', host: HOST, pid: process.ppid };
const ELSEWHERE = { command: 'scrub', host: 'web2', pid: 7 };
const GONE = { command: 'backup', host: HOST, pid: 2 ** 22 + 1 };
const SELF = { command: 'cleanup', host: HOST, pid: process.pid };

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-locks-'));
  path = join(folder, 'backy_a.lock');
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  rmSync(folder, { recursive: true, force: true });
});

const services: FileLockService[] = [];

function service(self = SELF): FileLockService {
  const made = new FileLockService(folder, { self });
  services.push(made);
  return made;
}

test('holders name command, host and pid, on this host and on others', async () => {
  await service(PARENT).tryAcquire('a', 'shared');
  await service(ELSEWHERE).tryAcquire('a', 'shared');
  await service().tryAcquire('a', 'shared');
  expect(await service().holders('a')).toEqual([`backy2 restore on web1, pid ${process.ppid}`, 'backy2 scrub on web2, pid 7']);
});

test('one that has left, or was killed on this host, is not named', async () => {
  await service(ELSEWHERE).tryAcquire('a', 'shared');
  await service(GONE).tryAcquire('a', 'shared');
  const lock = await service(PARENT).tryAcquire('a', 'shared');
  await lock?.release();
  expect(await service().holders('a')).toEqual(['backy2 scrub on web2, pid 7']);
});

test('an exclusive holder drops the notes of those that were killed', async () => {
  writeFileSync(path, '+backy2 scrub on web2, pid 7\n');
  await service(PARENT).tryAcquire('a', 'exclusive');
  expect(readFileSync(path, 'utf8')).toBe(`+backy2 restore on web1, pid ${process.ppid}\n`);
});

test('text of others in the file is no holder, and only its end is read', async () => {
  await service(PARENT).tryAcquire('a', 'shared');
  appendFileSync(path, `\x1b[2J\n+backy2 x on y, pid 1\n${'-\n'.repeat(40_000)}+backy2 r\x07m on web2, pid 8\n`);
  expect(await service().holders('a')).toEqual(['backy2 r?m on web2, pid 8']);
});

test('a file system without locks is named as one', async () => {
  const flock = () => {
    throw Object.assign(new Error('flock failed: ENOLCK'), { code: 'ENOLCK' });
  };
  const hint = 'Its file system has no locks: mount it with them, or name another folder as lock_dir in section DEFAULTS.';
  await expect(new FileLockService(folder, { flock }).tryAcquire('a', 'shared')).rejects.toMatchObject({ code: 'io', hint });
});

test("without the right to open them, another user's file and a missing folder get their own advice", async () => {
  const another = 'or name another folder as lock_dir in section DEFAULTS.';
  const missing = new FileLockService(join(folder, 'none')).tryAcquire('a', 'shared');
  await expect(missing).rejects.toMatchObject({ hint: `Create the folder ${folder}/none, ${another}` });
  if (process.getuid?.() !== 0) return;
  writeFileSync(path, '', { mode: 0o600 });
  chmodSync(folder, 0o755);
  const asNobody = async (name: string) => {
    process.seteuid?.(65_534);
    return service()
      .tryAcquire(name, 'exclusive')
      .catch((error: unknown) => error)
      .finally(() => process.seteuid?.(0));
  };
  expect(await asNobody('a')).toMatchObject({
    message: expect.stringContaining(`${path} (it belongs to user root (uid 0)): EACCES`),
    hint: `Run all commands of this installation as the same user, ${another}`,
  });
  expect(await asNobody('b')).toMatchObject({ hint: `Give this user the right to write to the folder ${folder}, ${another}` });
});
