import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileSource } from '../../src/io/file/file-source.ts';
import { FileTarget } from '../../src/io/file/file-target.ts';
import { alignedBytes } from '../../src/native/direct-io.ts';
import { sourceSuite } from '../support/conformance/source.ts';
import { targetSuite } from '../support/conformance/target.ts';
import { cold, isInMemory, makeCold } from '../support/images/cold-files.ts';
import { noise } from '../support/images/random.ts';
import { withLab } from '../support/labs/lab.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needLoopDevice, needTool } from '../support/runner/machine.ts';

const loop = lacking(await needLoopDevice(), await needTool('mke2fs', '-V'));
const root = lacking({ what: 'root', available: process.getuid?.() === 0 });
const MIB = 1024 * 1024;
const NOBODY = 65_534;

async function attach(file: string, sectorBytes: number): Promise<string> {
  return (await tool('losetup', '-f', '--show', '--sector-size', String(sectorBytes), file)).trim();
}

/** Writes to a device from its start on. */
function fill(device: string, content: Buffer): void {
  const fd = openSync(device, 'r+');
  writeSync(fd, content, 0, content.length, 0);
  closeSync(fd);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-direct-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Of 512, the device's size is no multiple of a page.
describe.skipIf(loop.skip).each([
  { sectorBytes: 512, sizeBytes: 3_000_320 },
  { sectorBytes: 4096, sizeBytes: 3_002_368 },
])(`a device with sectors of $sectorBytes bytes and direct I/O${loop.note}`, ({ sectorBytes, sizeBytes }) => {
  const initial = randomBytes(sizeBytes);
  const content = Buffer.concat([initial.subarray(0, sizeBytes - 3 * 65_536), Buffer.alloc(3 * 65_536)]);
  let device: string;
  beforeAll(async () => {
    const file = join(folder, String(sectorBytes));
    writeFileSync(file, initial);
    device = await attach(file, sectorBytes);
  });
  afterAll(() => tool('losetup', '-d', device));

  describe('as a target', () => {
    targetSuite(async () => {
      fill(device, initial);
      return {
        open: () => new FileTarget(device, { directIo: 'on' }),
        read: async () => readFileSync(device),
        initial,
        dispose: async () => {},
      };
    });
  });

  describe('as a source', () => {
    sourceSuite(async () => {
      fill(device, content);
      return { open: () => new FileSource(device, { directIo: 'on' }), content, blockSize: 65_536, dispose: async () => {} };
    });
  });
});

test.skipIf(root.skip || cold.skip)(
  `of a file of others, the kernel does not tell what is in memory: nothing is left there${root.note}${cold.note}`,
  () => {
    const path = join(folder, 'of-root');
    writeFileSync(path, randomBytes(MIB), { mode: 0o644 });
    makeCold(path);
    const source = new FileSource(path);
    const into = alignedBytes(MIB);
    process.seteuid?.(NOBODY);
    try {
      expect(source.read(into, 0)).toBeUndefined();
    } finally {
      process.seteuid?.(0);
    }
    expect(isInMemory(path, 0, MIB)).toBe(false);
    expect(readFileSync(path).equals(into)).toBe(true);
  },
);

test.skipIf(loop.skip)(`a device is backed up, and restored to one with larger sectors${loop.note}`, async () => {
  await withLab({ blockSize: 65_536, config: { io_file: { direct_io: 'on' } } }, async (lab) => {
    const image = Buffer.concat([noise(40 * 65_536, 'start'), Buffer.alloc(5 * 65_536), noise(65_536 + 1536, 'end')]);
    const devices = [await attach(lab.write('disk', image), 512)];
    try {
      devices.push(await attach(lab.write('larger', Buffer.alloc(4 * MIB, 'old')), 4096));
      const uid = await lab.backup(`file://${devices[0]}`, 'vm');
      await lab.ok('restore', '-f', uid, `file://${devices[1]}`);
      const expected = Buffer.alloc(4 * MIB, 'old');
      image.copy(expected);
      expect(readFileSync(devices[1] ?? '').equals(expected)).toBe(true);
    } finally {
      for (const device of devices) await tool('losetup', '-d', device);
    }
  });
});

test.skipIf(loop.skip)(`a full disk fails a direct write, and keeps what was written${loop.note}`, async () => {
  const disk = join(folder, 'disk');
  const mounted = join(folder, 'mounted');
  mkdirSync(mounted);
  await tool('mke2fs', '-q', '-t', 'ext4', disk, '16M');
  await tool('mount', '-o', 'loop', disk, mounted);
  try {
    const path = join(mounted, 'image');
    writeFileSync(path, '');
    truncateSync(path, 32 * MIB);
    const target = new FileTarget(path, { directIo: 'on' });
    const blocks = Array.from({ length: 32 }, () => {
      const bytes = alignedBytes(MIB);
      bytes.set(randomBytes(MIB));
      return bytes;
    });
    const outcomes = await Promise.allSettled(blocks.map((bytes, id) => target.write(bytes, id * MIB)));
    const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    expect(failures.length).toBeGreaterThan(16);
    for (const failure of failures) {
      const message = expect.stringMatching(/^Cannot write 1048576 bytes at offset \d+ of .*: ENOSPC/);
      expect(failure).toMatchObject({ code: 'io', message });
    }
    await target.flush();
    await target.close();
    const content = readFileSync(path);
    const isKept = blocks.map((bytes, id) => content.subarray(id * MIB, (id + 1) * MIB).equals(bytes));
    expect(isKept).toEqual(outcomes.map(({ status }) => status === 'fulfilled'));
  } finally {
    await tool('umount', mounted);
  }
});
