import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { silentLogger } from '../../../src/logger.ts';
import type { NbdExports } from '../../../src/nbd/disk.ts';
import { listenFailure } from '../../../src/nbd/listen-address.ts';
import { listenNbd } from '../../../src/nbd/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'backy2-listen-'));
afterAll(() => rmSync(folder, { recursive: true }));

const listen = (path: string) => listenNbd({ path }, { exports: {} as NbdExports, logger: silentLogger });

test('a socket with a path that Node would cut is refused', async () => {
  const path = join(folder, 'x'.repeat(120));
  await expect(listen(path)).rejects.toThrow(`Cannot listen on ${path}: a socket's path has at most 107 bytes.`);
  expect(existsSync(path.slice(0, 107))).toBe(false);
});

test('a missing folder is named, though Node says that permission is denied', async () => {
  const hint = `Create the folder ${folder}/none, or name another path with --socket.`;
  await expect(listen(`${folder}/none/x`)).rejects.toMatchObject({ hint });
});

test.each([
  ['EPERM', `The file system of ${folder} has no sockets`],
  ['EOPNOTSUPP', `The file system of ${folder} has no sockets`],
  ['EACCES', `This user can't create files in ${folder}.`],
  ['EADDRINUSE', 'Another program listens there.'],
  ['EIO', 'Use another socket or port.'],
])('%s at a socket means: %s', (code, hint) => {
  const error = Object.assign(new Error(`listen ${code}`), { code });
  expect(listenFailure({ path: `${folder}/x` }, error).hint).toMatch(new RegExp(`^${hint.replaceAll('.', '\\.')}`));
});
