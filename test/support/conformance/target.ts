import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Target } from '../../../src/io/target.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';

/** Gives the suite a target that can be read back. */
interface TargetFixture {
  /** Opens the target; several instances write to the same one. */
  open(): Target;
  read(): Promise<Buffer>;
  /** Content before anything is written. */
  initial: Buffer;
  dispose(): Promise<void>;
}

/** Every target MUST pass this suite (src/io/target.ts). */
export function targetSuite(create: () => Promise<TargetFixture>): void {
  let fixture: TargetFixture;
  let targets: [Target, Target];
  beforeEach(async () => {
    fixture = await create();
    targets = [fixture.open(), fixture.open()];
  });
  afterEach(async () => {
    await Promise.all(targets.map((target) => target.close()));
    await fixture.dispose();
  });

  it('keeps the writes of several threads, at any position and in any order, and does not change the rest', async () => {
    const expected = Buffer.from(fixture.initial);
    const writes: Promise<void>[] = [];
    for (let offset = expected.length - 5000; offset >= 0; offset -= 10_000) {
      const bytes = randomBytes(5000);
      bytes.copy(expected, offset);
      writes.push(targets[writes.length % 2 === 0 ? 0 : 1].write(bytes, offset));
    }
    await Promise.all(writes);
    await Promise.all(targets.map((target) => target.flush()));
    expect((await fixture.read()).equals(expected)).toBe(true);
  });

  it.each([
    [512, 50],
    [1000, 50],
    [4096, 40],
    [10_240, 40],
    [65_536, 20],
    [102_912, 20],
    [1_048_576, 2],
  ])('keeps blocks of %i bytes, of which %i are written, the last one short, by several threads', async (blockSize, count) => {
    const expected = Buffer.from(fixture.initial);
    const imageBytes = blockSize * count - 77;
    const content = randomBytes(imageBytes);
    content.copy(expected);
    const work = Array.from({ length: count }, async (_, index) => {
      // Not in order: neighbours share pages.
      const offset = ((index * 7) % count) * blockSize;
      const bytes = alignedBytes(blockSize).subarray(0, Math.min(blockSize, imageBytes - offset));
      bytes.set(content.subarray(offset, offset + bytes.length));
      await targets[index % 2 === 0 ? 0 : 1].write(bytes, offset);
    });
    await Promise.all(work);
    await Promise.all(targets.map((target) => target.flush()));
    expect((await fixture.read()).equals(expected)).toBe(true);
  });

  it.each([
    [0, 1],
    [3, 4096],
    [4096, 1_500_000],
    [100_000, 65_536],
  ])('makes from %i, %i bytes, read as zeros, and no more', async (offset, length) => {
    const expected = Buffer.from(fixture.initial).fill(0, offset, offset + length);
    await targets[0].writeZeros(offset, length);
    await targets[0].flush();
    expect((await fixture.read()).equals(expected)).toBe(true);
  });

  it('writes zeros to its very end', async () => {
    const { length } = fixture.initial;
    await targets[0].writeZeros(length - 77, 77);
    await targets[0].flush();
    const content = await fixture.read();
    expect(content).toHaveLength(length);
    expect(content.equals(Buffer.from(fixture.initial).fill(0, length - 77))).toBe(true);
  });
}
