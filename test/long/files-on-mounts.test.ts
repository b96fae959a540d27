import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSource } from '../../src/io/file/file-source.ts';
import { FileTarget } from '../../src/io/file/file-target.ts';
import { alignedBytes } from '../../src/native/direct-io.ts';
import { sourceSuite } from '../support/conformance/source.ts';
import { targetSuite } from '../support/conformance/target.ts';
import { makeCold } from '../support/images/cold-files.ts';
import { describeOnFileSystems, type OnFileSystem } from '../support/labs/file-systems.ts';

const LARGE = 131_072;

/** A new file on a file system. */
function newFile(on: OnFileSystem, content: Buffer) {
  const folder = mkdtempSync(join(on.folder(), 'file-'));
  const path = join(folder, 'image');
  writeFileSync(path, content);
  // A FUSE file system closes files late, and keeps them under another name until then.
  return { path, dispose: async () => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }) };
}

await describeOnFileSystems((on) => {
  // `auto` would hide that a file system refuses.
  const always = on.fs === 'tmpfs' || on.fs === 'ramfs' ? 'auto' : 'on';
  describe(`the file target with direct_io: ${always}`, () => {
    targetSuite(async () => {
      const initial = randomBytes(3_000_123);
      const { path, dispose } = newFile(on, initial);
      return { open: () => new FileTarget(path, { directIo: always }), read: async () => readFileSync(path), initial, dispose };
    });
  });

  describe.each([always, 'auto', 'off'] as const)('the file source with direct_io: %s', (directIo) => {
    sourceSuite(async () => {
      const content = Buffer.concat([randomBytes(3 * LARGE), Buffer.alloc(LARGE), randomBytes(LARGE + 1234)]);
      const { path, dispose } = newFile(on, content);
      makeCold(path);
      return { open: () => new FileSource(path, { directIo }), content, blockSize: LARGE, dispose };
    });
  });

  if (on.fs !== 'ramfs') return;
  it('with direct_io: on, refuses to read and to write, with a hint', async () => {
    const { path, dispose } = newFile(on, randomBytes(LARGE));
    const refusal = { code: 'refused', hint: 'Set direct_io: auto in section io_file.' };
    const [source, target] = [new FileSource(path, { directIo: 'on' }), new FileTarget(path, { directIo: 'on' })];
    for (const _ of [1, 2]) {
      await expect(async () => source.read(alignedBytes(LARGE), 0)).rejects.toMatchObject(refusal);
      await expect(target.write(alignedBytes(LARGE), 0)).rejects.toMatchObject(refusal);
    }
    await Promise.all([source.close(), target.close()]);
    await dispose();
  });
});
