import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileTarget } from '../../src/io/file/file-target.ts';
import { parseIoUrl } from '../../src/io/io-url.ts';
import { prepareTarget } from '../../src/io/open-io.ts';
import { targetSuite } from '../conformance/target.ts';

/** Memory file systems can't zero a range in place, others can: both ways must hold. */
const FOLDERS = [tmpdir(), ...(existsSync('/dev/shm') ? ['/dev/shm'] : [])];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-target-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each(FOLDERS)('the file target in %s', (parent) => {
  targetSuite(async () => {
    const own = mkdtempSync(join(parent, 'backy2-target-'));
    const path = join(own, 'image');
    const initial = randomBytes(3_000_123);
    writeFileSync(path, initial);
    return {
      open: () => new FileTarget(path),
      read: async () => readFileSync(path),
      initial,
      dispose: async () => rmSync(own, { recursive: true, force: true }),
    };
  });
});

describe('a file target is prepared', () => {
  it('by making it with its size, 0 bytes too, all holes', () => {
    for (const size of [0, 1, 10_000_000]) {
      const path = join(folder, `new-${size}`);
      expect(prepareTarget(`file://${path}`, size, false)).toEqual({ isNew: true });
      expect(statSync(path).size).toBe(size);
      expect(statSync(path).blocks).toBe(0);
    }
  });

  it('by taking an existing one with force, as large as it is', () => {
    const path = join(folder, 'old');
    writeFileSync(path, 'x'.repeat(100));
    expect(() => prepareTarget(`file://${path}`, 50, false)).toThrow(expect.objectContaining({ exitCode: 1 }));
    expect(() => prepareTarget(`file://${path}`, 101, true)).toThrow('Target size is too small. Has 100b, need 101b.');
    expect(prepareTarget(`file://${path}`, 50, true)).toEqual({ isNew: false });
    expect(readFileSync(path, 'utf8')).toBe('x'.repeat(100));
  });

  it('not in a folder that is missing, nor in place of a folder', () => {
    expect(() => prepareTarget(`file://${folder}/none/x`, 1, false)).toThrow(/Cannot open target/);
    expect(() => prepareTarget(`file://${folder}`, 1, true)).toThrow(/EISDIR/);
  });
});

describe('names of sources and targets', () => {
  it.each(['a', 'foo://x', 'file://', 'FILE://x', ''])('refuse %j with a clear error', (text) => {
    expect(() => parseIoUrl(text)).toThrow(expect.objectContaining({ name: 'BackyError', exitCode: 100 }));
  });
});
