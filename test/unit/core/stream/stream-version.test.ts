import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import type { Context } from '../../../../src/core/context.ts';
import type { ByteSink, StreamResult } from '../../../../src/core/stream/request.ts';
import { streamVersion } from '../../../../src/core/stream/stream-version.ts';
import { removeVersion } from '../../../../src/core/versions/remove-version.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { blobPath, STORE_FILE } from '../../../../src/data/file/blob-paths.ts';
import { newStoreId, toStoreFile } from '../../../../src/data/store-id.ts';
import { BackyError } from '../../../../src/errors.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const zeros = (blocks: number) => Buffer.alloc(blocks * BLOCK_SIZE);
/** Zeros at the start, in the middle and before the short last block. */
const image = Buffer.concat([
  zeros(2),
  noise(9 * BLOCK_SIZE, 'a'),
  zeros(3),
  noise(4 * BLOCK_SIZE, 'b'),
  zeros(1),
  noise(1000, 'c'),
]);
const BLOCKS = Math.ceil(image.length / BLOCK_SIZE);
const BAD = 5;

let lab: CoreLab;
let uid: string;
let lines: string[];
beforeEach(async () => {
  lab = await CoreLab.create();
  lines = [];
  ({ uid } = await backup(context(), { source: lab.source(image), name: 'vm' }));
});
afterEach(() => {
  vi.useRealTimers();
  return lab.dispose();
});

/** Moves blocks on the test's thread, and keeps the log. */
function context(more: Partial<Context> = {}): Context {
  const say = (text: string) => lines.push(text);
  const logger = { ...lab.context.logger, info: say, warning: say, error: say };
  return { ...lab.context, settings: { ...lab.context.settings, workers: undefined }, logger, ...more };
}

/** Keeps what is written. `beforeWrite` may fail, or say that the reader is gone. */
class Collector implements ByteSink {
  bytes = Buffer.alloc(0);
  isFinished = false;
  readonly #beforeWrite: (signal: AbortSignal) => Promise<unknown>;

  constructor(beforeWrite: (signal: AbortSignal) => Promise<unknown> = async () => {}) {
    this.#beforeWrite = beforeWrite;
  }

  async write(pieces: readonly Uint8Array[], signal: AbortSignal): Promise<boolean> {
    if ((await this.#beforeWrite(signal)) === 'gone') return false;
    this.bytes = Buffer.concat([this.bytes, ...pieces]);
    return true;
  }

  async finish(): Promise<void> {
    this.isFinished = true;
  }
}

function stream(sink: ByteSink, continueOnError = false, more: Partial<Context> = {}): Promise<StreamResult> {
  return streamVersion(context(more), { uid, sink, continueOnError });
}

async function pathOfBlock(id: number): Promise<string> {
  const [row] = await lab.meta.blocksById(uid, [id]);
  return blobPath(lab.dataPath, row?.uid ?? '');
}

/** Makes the blob of a block bad. */
async function damage(id: number): Promise<void> {
  const path = await pathOfBlock(id);
  const bytes = readFileSync(path);
  bytes[7] = (bytes[7] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

async function remove(id: number): Promise<void> {
  rmSync(await pathOfBlock(id));
}

/** The image with zeros in place of blocks. */
function imageWithout(...ids: number[]): Buffer {
  const bytes = Buffer.from(image);
  for (const id of ids) bytes.fill(0, id * BLOCK_SIZE, Math.min((id + 1) * BLOCK_SIZE, image.length));
  return bytes;
}

describe('a stream', () => {
  it('has all bytes in order, zeros too, and notes that all blobs were verified', async () => {
    const sink = new Collector();
    const onProgress: number[] = [];
    const progress = { onProgress: ({ lastId }: { lastId: number }) => onProgress.push(lastId) };
    expect(await stream(sink, false, progress)).toEqual({ ending: 'written', blocksBad: 0, complete: true });
    expect(sink.bytes.equals(image)).toBe(true);
    expect(sink.isFinished).toBe(true);
    expect(onProgress.at(-1)).toBe(BLOCKS - 1);
    const seconds = Math.floor(lab.now.getTime() / 1000);
    expect(await lab.meta.coverage([seconds], seconds, () => {})).toMatchObject({ blobs: 14, verified: [14] });
  });

  it('of an empty image ends without a byte', async () => {
    ({ uid } = await backup(context(), { source: lab.source(Buffer.alloc(0)), name: 'empty' }));
    const sink = new Collector();
    await stream(sink);
    expect([sink.bytes.length, sink.isFinished]).toEqual([0, true]);
  });

  it('keeps its version from being removed', async () => {
    const removals: unknown[] = [];
    const sink = new Collector(async () => {
      const other = context({ locks: lab.otherLocks() });
      removals.push(await removeVersion(other, uid, true).catch(({ code }: BackyError) => code));
    });
    await stream(sink);
    expect(removals).toContain('locked');
    await removeVersion(context(), uid, true);
  });

  it('ends quietly when the reader is gone', async () => {
    const sink = new Collector(async () => 'gone');
    expect(await stream(sink)).toMatchObject({ ending: 'readerGone' });
    expect([sink.bytes.length, sink.isFinished]).toEqual([0, false]);
    expect(lines.at(-1)).toBe(`The reader is gone. 0 of ${image.length} bytes were written. A stream can't be resumed.`);
  });

  it('passes an error of the sink on, and says how much was written', async () => {
    const error = new BackyError('io', 'Cannot write to stdout: ENOSPC', { hint: 'Check the disk.' });
    const sink = new Collector(() => Promise.reject(error));
    const hint = `Check the disk. At least 0 of ${image.length} bytes were written. A stream can't be resumed.`;
    await expect(stream(sink)).rejects.toMatchObject({ code: 'io', message: error.message, hint });
    expect(sink.isFinished).toBe(false);
  });

  it('passes it on although the database fails as well', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    await damage(BAD);
    const error = new BackyError('io', 'Cannot write to stdout: ENOSPC');
    const sink = new Collector(async () => {
      if (sink.bytes.length < BAD * BLOCK_SIZE) return;
      // By now, the checks of earlier blocks are due.
      vi.advanceTimersByTime(60_000);
      lab.sql('DROP TABLE backy2_verified');
      throw error;
    });
    await expect(stream(sink, true)).rejects.toMatchObject({ code: 'io', message: error.message });
  });

  it('that is stopped ends with the reason, and frees its locks', async () => {
    const aborter = new AbortController();
    const sink = new Collector((signal) => {
      aborter.abort(new BackyError('interrupted', 'Stopped by SIGTERM.', { exitCode: 143 }));
      return Promise.reject(signal.reason);
    });
    await expect(stream(sink, false, { signal: aborter.signal })).rejects.toMatchObject({ exitCode: 143 });
    await removeVersion(context(), uid, true);
  });
});

describe.each<[string, (id: number) => Promise<void>, string]>([
  ['changed', damage, 'checksum'],
  ['missing', remove, 'missing'],
])('a blob that is %s', (_, harm, problem) => {
  it('ends the stream before it', async () => {
    await harm(BAD);
    const sink = new Collector();
    const offset = BAD * BLOCK_SIZE;
    await expect(stream(sink)).rejects.toMatchObject({
      code: 'blocksBad',
      message: expect.stringMatching(
        `^Block ${BAD} of version ${uid} is bad .${problem}: .*: the stream ends before it, at offset ${offset}.$`,
      ),
      hint: expect.stringMatching(`^With --continue-on-error, .* bad blocks. ${offset} of ${image.length} bytes were written.`),
      data: { uid, block: BAD },
    });
    expect(sink.bytes.equals(image.subarray(0, offset))).toBe(true);
    expect(sink.isFinished).toBe(false);
    expect((await lab.version(uid)).valid).toBe(false);
  });

  it('is zeros in a stream that goes on', async () => {
    for (const id of [2, BAD, BLOCKS - 1]) await harm(id);
    const sink = new Collector();
    expect(await stream(sink, true)).toEqual({ ending: 'written', blocksBad: 3, complete: true });
    expect(sink.bytes.equals(imageWithout(2, BAD, BLOCKS - 1))).toBe(true);
    expect(sink.isFinished).toBe(true);
    expect(lines.filter((line) => /during restore for block (2|5|19) /.test(line))).toHaveLength(3);
    expect((await lab.meta.blocksById(uid, [2, BAD, 6])).map(({ valid }) => valid)).toEqual([false, false, true]);
  });

  it('is read again if its row was repaired meanwhile', async () => {
    const path = await pathOfBlock(BAD);
    const good = readFileSync(path);
    await harm(BAD);
    const fresh = newBlobUid();
    const sink = new Collector(async () => {
      const repaired = blobPath(lab.dataPath, fresh);
      mkdirSync(dirname(repaired), { recursive: true });
      writeFileSync(repaired, good);
      lab.sql(`UPDATE blocks SET uid = '${fresh}' WHERE id = ${BAD}`);
    });
    await stream(sink, true);
    expect(sink.bytes.equals(image)).toBe(true);
  });
});

it.each([false, true])('a store that is replaced meanwhile is the error, not its missing blobs', async (continueOnError) => {
  await remove(BAD);
  const sink = new Collector(async () => writeFileSync(join(lab.dataPath, STORE_FILE), toStoreFile(newStoreId())));
  await expect(stream(sink, continueOnError)).rejects.toMatchObject({ code: 'wrongStore' });
  expect((await lab.version(uid)).valid).toBe(true);
});

describe('rows that are wrong', () => {
  it.each([
    ['missing', 'DELETE FROM blocks WHERE id IN (5, 6)', [5, 6], false],
    ['of another length', 'UPDATE blocks SET size = 100 WHERE id IN (5, 6)', [5, 6], true],
    ['of another length for the last block', `UPDATE blocks SET size = 999 WHERE id = ${BLOCKS - 1}`, [BLOCKS - 1], true],
  ])('because they are %s end a stream, or are zeros in it', async (_, statement, bad, complete) => {
    lab.sql(statement);
    const [first = 0] = bad;
    const [ended, whole] = [new Collector(), new Collector()];
    await expect(stream(ended)).rejects.toMatchObject({ code: 'blocksBad', data: { block: first } });
    expect(ended.bytes.equals(image.subarray(0, first * BLOCK_SIZE))).toBe(true);
    expect((await lab.version(uid)).valid).toBe(false);
    expect(await stream(whole, true)).toEqual({ ending: 'written', blocksBad: bad.length, complete });
    expect(whole.bytes.equals(imageWithout(...bad))).toBe(true);
  });

  it('because they are beyond the image are reported, and the stream has all bytes', async () => {
    lab.sql(`UPDATE versions SET size = size - 1, size_bytes = ${(BLOCKS - 1) * BLOCK_SIZE}`);
    const sink = new Collector();
    expect(await stream(sink)).toEqual({ ending: 'written', blocksBad: 0, complete: false });
    expect(sink.bytes.equals(image.subarray(0, (BLOCKS - 1) * BLOCK_SIZE))).toBe(true);
    expect((await lab.version(uid)).valid).toBe(false);
  });
});
