import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  fsyncSync,
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
import { describe, expect, it } from 'vitest';
import { FileSource } from '../../../src/io/file/file-source.ts';
import { NullSource } from '../../../src/io/null/null-io.ts';
import { parseNullSize } from '../../../src/io/null/null-size.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';
import { sourceSuite } from '../../support/conformance/source.ts';
import { cold, isInMemory, makeCold } from '../../support/images/cold-files.ts';

const BLOCK = 4096;

function temporaryFile(content: Buffer): { path: string; dispose(): Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-source-'));
  const path = join(folder, 'image');
  writeFileSync(path, content);
  return { path, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
}

describe.each([true, false])('the file source, that may block its thread: %s', (mayBlock) => {
  sourceSuite(async () => {
    const content = Buffer.concat([randomBytes(5 * BLOCK), Buffer.alloc(5 * BLOCK), randomBytes(123)]);
    const { path, dispose } = temporaryFile(content);
    return { open: () => new FileSource(path, { mayBlock }), content, blockSize: BLOCK, dispose };
  });

  it('reads before it returns only if it may', async () => {
    const { path, dispose } = temporaryFile(randomBytes(BLOCK));
    const source = new FileSource(path, { mayBlock });
    const reading = source.read(new Uint8Array(BLOCK), 0);
    expect(reading instanceof Promise).toBe(!mayBlock);
    await reading;
    await source.close();
    await dispose();
  });
});

describe.each(['auto', 'on', 'off'] as const)('the file source, direct I/O %s', (directIo) => {
  const LARGE = 32 * BLOCK;
  sourceSuite(async () => {
    const content = Buffer.concat([randomBytes(3 * LARGE), Buffer.alloc(LARGE), randomBytes(LARGE + 1234)]);
    const { path, dispose } = temporaryFile(content);
    makeCold(path);
    return { open: () => new FileSource(path, { directIo }), content, blockSize: LARGE, dispose };
  });

  it('sees bytes that were just written, while others are cold', async () => {
    const content = randomBytes(8 * LARGE + 100);
    const { path, dispose } = temporaryFile(content);
    makeCold(path);
    const source = new FileSource(path, { directIo });
    const writer = openSync(path, 'r+');
    for (const offset of [10, LARGE - 5, 4 * LARGE, 8 * LARGE + 50]) {
      randomBytes(50).copy(content, offset);
      writeSync(writer, content, offset, 50, offset);
    }
    closeSync(writer);
    const into = alignedBytes(content.length).subarray(0, content.length);
    await source.read(into, 0);
    expect(content.equals(into)).toBe(true);
    await source.close();
    await dispose();
  });

  it.skipIf(cold.skip)(`leaves nothing in memory of what was not there${cold.note}`, async () => {
    const { path, dispose } = temporaryFile(randomBytes(8 * LARGE + 100));
    makeCold(path);
    const source = new FileSource(path, { directIo });
    for (let offset = 0; offset < source.sizeBytes; offset += LARGE) {
      const length = Math.min(LARGE, source.sizeBytes - offset);
      await source.read(alignedBytes(length).subarray(0, length), offset);
      // Without direct I/O, read-ahead has read what comes next.
      if (directIo !== 'off') expect(isInMemory(path, Math.min(offset + LARGE, 8 * LARGE), 1)).toBe(false);
      expect(isInMemory(path, offset, length)).toBe(false);
    }
    await source.close();
    await dispose();
  });

  it('leaves in memory what was there only if it may read it there', async () => {
    const { path, dispose } = temporaryFile(randomBytes(2 * LARGE));
    makeCold(path);
    readFileSync(path);
    const source = new FileSource(path, { directIo });
    const reading = source.read(alignedBytes(LARGE), LARGE);
    expect(reading instanceof Promise).toBe(directIo === 'on');
    await reading;
    if (!cold.skip) expect(isInMemory(path, LARGE, LARGE)).toBe(directIo === 'auto');
    await source.close();
    await dispose();
  });
});

describe.skipIf(cold.skip)(`a cold file${cold.note}`, () => {
  const MIB = 1024 * 1024;

  it.each(['auto', 'on'] as const)('keeps in memory the parts of a block that others use, direct I/O %s', async (directIo) => {
    const { path, dispose } = temporaryFile(randomBytes(3 * MIB + 100));
    makeCold(path);
    const used = [0, MIB + 5 * BLOCK, 3 * MIB - BLOCK];
    const others = openSync(path, 'r+');
    // Pages that are written as a whole are in memory alone, without read-ahead.
    for (const offset of used) writeSync(others, randomBytes(BLOCK), 0, BLOCK, offset);
    fsyncSync(others);
    closeSync(others);
    const source = new FileSource(path, { directIo });
    for (const [index, length] of [MIB, MIB, MIB + 100].entries())
      await source.read(alignedBytes(length).subarray(0, length), index * MIB);
    const inMemory = (offset: number) => isInMemory(path, offset, 1);
    expect(used.map(inMemory)).toEqual([true, true, true]);
    expect([BLOCK, MIB, 2 * MIB, 3 * MIB].map(inMemory)).toEqual([false, false, false, false]);
    await source.close();
    await dispose();
  });

  it('is read from the disk where read-ahead fills the memory before its reader', async () => {
    const { path, dispose } = temporaryFile(randomBytes(20 * 16 * BLOCK));
    makeCold(path);
    const source = new FileSource(path);
    const isFromDisk = async (block: number) => {
      const reading = source.read(alignedBytes(16 * BLOCK), block * 16 * BLOCK);
      await reading;
      return reading instanceof Promise;
    };
    const answers = [await isFromDisk(0)];
    readFileSync(path);
    for (const block of [1, 15, 16, 19]) answers.push(await isFromDisk(block));
    expect(answers).toEqual([true, true, true, false, false]);
    await source.close();
    await dispose();
  });
});

describe('the file source', () => {
  it('that lacks the third slash says so', () => {
    const hint = 'file://dev/vg0/x begins at the current folder. An absolute path makes three slashes: file:///dev/vg0/x';
    expect(() => new FileSource('dev/vg0/x')).toThrow(expect.objectContaining({ code: 'io', hint }));
    for (const path of ['/dev/vg0/x', 'nowhere/x'])
      expect(() => new FileSource(path)).toThrow(expect.objectContaining({ hint: 'Check the path.' }));
  });

  it.each([true, false])('sees a hole without reading it, in the middle and at the end; may block: %s', async (mayBlock) => {
    const { path, dispose } = temporaryFile(randomBytes(BLOCK));
    truncateSync(path, 640 * 1024);
    appendFileSync(path, randomBytes(BLOCK));
    truncateSync(path, 1024 * 1024);
    const source = new FileSource(path, { mayBlock });
    const holes = [0, 512 * 1024, 640 * 1024, 768 * 1024, 1024 * 1024 - BLOCK, 1024 * 1024 - 1].map((offset) =>
      source.isHole(offset, BLOCK),
    );
    // The last range reaches past the end of the file.
    expect(await Promise.all(holes)).toEqual([false, true, false, true, true, false]);
    expect(holes.every((hole) => hole instanceof Promise)).toBe(!mayBlock);
    await source.close();
    await dispose();
  });

  it.each(['on', 'off'] as const)(
    'rejects a read that the file is too short for, and never pads; direct I/O %s',
    async (directIo) => {
      const { path, dispose } = temporaryFile(randomBytes(3 * BLOCK));
      const source = new FileSource(path, { directIo });
      truncateSync(path, 2 * BLOCK + 10);
      await expect(async () => source.read(alignedBytes(2 * BLOCK), BLOCK)).rejects.toThrow(
        `ended at offset ${2 * BLOCK + 10} while ${BLOCK - 10} more`,
      );
      await source.close();
      await dispose();
    },
  );
});

describe('the null source', () => {
  sourceSuite(async () => {
    const blocks = Array.from({ length: 10 }, (_, id) => {
      const block = Buffer.alloc(id === 9 ? 50 : BLOCK, ' ');
      block.fill(0, 0, 16).writeUInt32LE(id);
      return block;
    });
    const content = Buffer.concat(blocks);
    return { open: () => new NullSource(content.length, BLOCK), content, blockSize: BLOCK, dispose: async () => {} };
  });

  it.each([
    ['0', 0],
    ['12345', 12345],
    ['1k', 1024],
    ['1kB', 1024],
    ['10M', 10 * 1024 ** 2],
    ['10MB', 10 * 1024 ** 2],
    ['200G', 200 * 1024 ** 3],
    ['3TB', 3 * 1024 ** 4],
    ['2P', 2 * 1024 ** 5],
  ])('takes the size %s', (text, bytes) => {
    expect(parseNullSize(text)).toBe(bytes);
  });

  it('refuses the first size that is not exact, and says so', () => {
    expect(parseNullSize('7PB')).toBe(7 * 1024 ** 5);
    const hint = expect.stringContaining('less than 8PB');
    expect(() => parseNullSize('8PB')).toThrow(expect.objectContaining({ hint }));
  });

  it.each(['', 'abc', '1K', '1m', '-5', '1.5M', '10 M', '1E', '1GiB', '9999P'])('refuses the size %j', (text) => {
    expect(() => parseNullSize(text)).toThrow(/needs a size/);
  });
});
