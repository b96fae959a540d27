import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { sha256, sha256OfFile } from '../support/images/sha256.ts';
import { withLab } from '../support/labs/lab.ts';
import { remount, withTmpfs } from '../support/labs/mounted.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needLoopDevice, needMount, needTool } from '../support/runner/machine.ts';

const BLOCK = 65_536;
const image = noise(16 * BLOCK, 'image');

const { skip, note } = lacking(await needLoopDevice(), await needMount(), await needTool('mke2fs', '-V'));

/** Writes what never reaches the disk, as a restore does that dies of it. */
function writeInVain(file: string): void {
  const fd = openSync(file, 'r+');
  try {
    writeSync(fd, image);
    expect(() => fsyncSync(fd)).toThrow();
  } finally {
    closeSync(fd);
  }
}

test.skipIf(skip)(`restore --delta keeps no block that is in memory alone, after its write failed${note}`, () =>
  withLab({ blockSize: BLOCK }, async (lab) => {
    const uid = await lab.backup(`file://${lab.write('image', image)}`, 'vm');
    const [disk, folder, file] = [lab.path('memory/disk'), lab.path('mnt'), lab.path('mnt/target')];
    mkdirSync(folder);
    await withTmpfs(lab.path('memory'), '6m', async () => {
      writeFileSync(disk, '');
      truncateSync(disk, 32 * 1024 ** 2);
      await tool('mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', disk);
      await tool('mount', '-o', 'loop', disk, folder);
      try {
        // Allocated, but never written: the disk below has no room for it yet.
        await tool('fallocate', '-l', String(image.length), file);
        await tool('sync', '-f', file);
        await tool('sh', '-c', 'cat /dev/zero > "$0" || true', lab.path('memory/full'));
        writeInVain(file);
        expect(readFileSync(file).equals(image)).toBe(true);
        await remount(lab.path('memory'), 'size=16m');
        expect(await lab.ok('restore', '-f', '--delta', uid, `file://${file}`)).toContain('INFO: 0 blocks kept, 16 written.');
        // Only a new mount shows what is on the disk.
        await tool('umount', folder);
        await tool('mount', '-o', 'loop', disk, folder);
        expect(sha256OfFile(file)).toBe(sha256(image));
      } finally {
        await tool('umount', folder);
      }
    });
  }),
);
