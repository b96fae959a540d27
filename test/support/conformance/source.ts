import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Source } from '../../../src/io/source.ts';
import { alignedBytes } from '../../../src/native/direct-io.ts';

/** Gives the suite a source whose bytes are known. */
interface SourceFixture {
  open(): Source;
  content: Buffer;
  /** Bytes of a block: reads start at multiples of it. */
  blockSize: number;
  dispose(): Promise<void>;
}

/** Every source MUST pass this suite (src/io/source.ts). */
export function sourceSuite(create: () => Promise<SourceFixture>): void {
  let fixture: SourceFixture;
  let source: Source;
  beforeEach(async () => {
    fixture = await create();
    source = fixture.open();
  });
  afterEach(async () => {
    await source.close();
    await fixture.dispose();
  });

  it('knows its size', () => {
    expect(source.sizeBytes).toBe(fixture.content.length);
  });

  it('reads any blocks, the short last one and several at once included, many at a time', async () => {
    const { content, blockSize } = fixture;
    const reads: Promise<void>[] = [];
    for (let offset = 0; offset < content.length; offset += blockSize) {
      for (const length of [blockSize, 3 * blockSize]) {
        const into = alignedBytes(length).subarray(0, Math.min(length, content.length - offset));
        const expected = content.subarray(offset, offset + into.length);
        const check = () => expect(Buffer.from(into).equals(expected)).toBe(true);
        reads.push(Promise.resolve(source.read(into, offset)).then(check));
      }
    }
    await Promise.all(reads);
  });

  it('reports only zeros as a hole', async () => {
    const { content, blockSize } = fixture;
    for (let offset = 0; offset < content.length; offset += blockSize) {
      const length = Math.min(blockSize, content.length - offset);
      if (await source.isHole(offset, length))
        expect(content.subarray(offset, offset + length).every((byte) => byte === 0)).toBe(true);
    }
  });
}
