import { closeSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab } from '../support/labs/lab.ts';
import { withTmpfs } from '../support/labs/mounted.ts';
import { lacking, needMount } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needMount());
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
      expectFailure(await lab.run(['rm', uid]), 1, /is full \(\d+ KiB are free\)\. Free 1 MiB there; then rm and cleanup work/);
      truncateSync(filler, statSync(filler).size - MIB);
      await lab.ok('rm', uid);
      await lab.ok('cleanup', '--dangerous-force');
      expect(lab.blobs()).toEqual([]);
    });
  } finally {
    lab.remove();
  }
});

function fill(path: string): void {
  const fd = openSync(path, 'w');
  try {
    for (;;) writeSync(fd, Buffer.alloc(MIB, 1));
  } catch {
    // It is full.
  }
  closeSync(fd);
}
