import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { withMount, withTmpfs } from '../support/labs/mounted.ts';
import { lacking, needLoopDevice, needMount, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needMount());
const small = lacking(await needLoopDevice(), await needTool('mke2fs', '-V'));
const BLOCK = 512;
const MIB = 2 ** 20;

test.skipIf(skip)(`rm needs 1 MiB of a full disk, however large the version is, and says so${note}`, async () => {
  const lab = new Lab({ blockSize: BLOCK });
  const folder = lab.path('db');
  lab.configure({ MetaBackend: { engine: `sqlite:///${join(folder, 'backy.sqlite')}` } });
  try {
    await withTmpfs(folder, '64m', async () => {
      await lab.ok('initdb');
      // Many rows, and few blobs, for speed.
      const image = Buffer.concat(Array.from({ length: 30_000 }, (_, id) => noise(BLOCK, `block ${id % 200}`)));
      const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
      const filler = join(folder, 'filler');
      fill(filler);
      expectFailure(
        await lab.run(['rm', uid]),
        1,
        /is full \(at most \d+ KiB are free\)\. Free 1 MiB there; then rm and cleanup work/,
      );
      truncateSync(filler, statSync(filler).size - MIB);
      await lab.ok('rm', uid);
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.blobs()).toEqual([]);
    });
  } finally {
    lab.remove();
  }
});

test.skipIf(small.skip)(
  `a full file system with blocks of 1 KiB, and a WAL left on it, kills no command${small.note}`,
  async () => {
    const lab = new Lab();
    try {
      await withMount({ fs: 'ext2', sizeBytes: 3 * MIB, mkfsWords: ['-b', '1024'] }, async (folder) => {
        const database = join(folder, 'backy.sqlite');
        lab.configure({ MetaBackend: { engine: `sqlite:///${database}` } });
        await lab.ok('initdb');
        const wal = new Database(database);
        wal.pragma('journal_mode = WAL');
        wal.close();
        const withWal = readFileSync(database);
        const filler = join(folder, 'filler');
        fill(filler);
        const { size } = statSync(filler);
        // SQLite makes -shm longer by one block in four, and writes to the others later.
        for (let kib = 8; kib <= 12; kib++) {
          for (const suffix of ['-wal', '-shm']) rmSync(database + suffix, { force: true });
          writeFileSync(database, withWal, { flag: 'r+' });
          truncateSync(filler, size - kib * 1024);
          const { code, signal } = await lab.start(['ls']).ended;
          expect({ kib, code, signal }).toEqual({ kib, code: 0, signal: null });
        }
      });
    } finally {
      lab.remove();
    }
  },
);

function fill(path: string): void {
  const fd = openSync(path, 'w');
  for (const size of [MIB, 1024]) {
    try {
      for (;;) writeSync(fd, Buffer.alloc(size, 1));
    } catch {
      // It is full.
    }
  }
  closeSync(fd);
}
