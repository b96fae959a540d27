import { createHash } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import type { RunPool } from '../../../../src/core/blocks/with-pool.ts';
import type { Context } from '../../../../src/core/context.ts';
import type { RestoreRequest, RestoreResult } from '../../../../src/core/restore/request.ts';
import { restore } from '../../../../src/core/restore/restore.ts';
import { blobPath } from '../../../../src/data/file/blob-paths.ts';
import { BackyError } from '../../../../src/errors.ts';
import { runInline } from '../../../support/engine/inline-pool.ts';
import { type Edit, edit, edited } from '../../../support/images/image-edits.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 24;
const FIXED = { sparse: false, force: true, discard: false, fromId: 0 };
const ZERO = Buffer.alloc(BLOCK_SIZE);
/** Data, zeros, equal blocks, and a last block that is short. */
const image = Buffer.concat([
  noise(6 * BLOCK_SIZE, 'first'),
  Buffer.alloc(5 * BLOCK_SIZE),
  noise(BLOCK_SIZE, 'block 1'),
  noise(BLOCK_SIZE, 'block 1'),
  noise(8 * BLOCK_SIZE, 'second'),
  Buffer.alloc(2 * BLOCK_SIZE),
  noise(777, 'last'),
]);

let lab: CoreLab;
let context: Context;
let uid: string;
const said: string[] = [];
beforeAll(async () => {
  lab = await CoreLab.create();
  const log = (text: string) => said.push(text);
  const logger = { ...lab.context.logger, info: log, warning: log, error: log };
  // Small jobs without a target move on this thread.
  context = { ...lab.context, logger, settings: { ...lab.context.settings, workers: undefined } };
  uid = (await backup(context, { source: lab.source(image), name: 'vm' })).uid;
});
afterAll(() => lab.dispose());

const path = () => join(lab.folder, 'target');

function restoring(target: Buffer, request: Partial<RestoreRequest> = {}, runPool?: RunPool): Promise<RestoreResult> {
  writeFileSync(path(), target);
  return again(request, runPool);
}

function again(request: Partial<RestoreRequest> = {}, runPool: RunPool = runInline): Promise<RestoreResult> {
  said.length = 0;
  return restore(
    context,
    { uid, target: `file://${path()}`, ...FIXED, delta: { from: undefined, dryRun: false }, ...request },
    runPool,
  );
}

const blockOf = (bytes: Buffer, id: number) => bytes.subarray(id * BLOCK_SIZE, Math.min((id + 1) * BLOCK_SIZE, image.length));
const ids = Array.from({ length: BLOCKS }, (_, id) => id);
const differing = (target: Buffer) => ids.filter((id) => !blockOf(target, id).equals(blockOf(image, id)));
const isZero = (id: number) => ZERO.subarray(0, blockOf(image, id).length).equals(blockOf(image, id));

/** Targets that differ from the image here and there, as large or larger. */
const targets = fc
  .record({ edits: fc.array(edit(BLOCK_SIZE, BLOCKS), { maxLength: 5 }), tail: fc.nat({ max: 3 * BLOCK_SIZE }) })
  .map(({ edits, tail }) => {
    const changes = edits.filter((change): change is Exclude<Edit, { kind: 'resize' }> => change.kind !== 'resize');
    const start = Buffer.concat([image, noise(tail, 'tail')]);
    return changes.reduce<Buffer>((bytes, change) => edited(bytes, change, BLOCK_SIZE), start);
  });

describe('restore --delta', () => {
  it('writes the blocks that differ and keeps the others, whatever the target', () =>
    fc.assert(
      fc.asyncProperty(targets, async (target) => {
        const different = differing(target);
        const result = await restoring(target);
        expect(readFileSync(path()).equals(Buffer.concat([image, target.subarray(image.length)]))).toBe(true);
        expect(result).toMatchObject({ blocksKept: BLOCKS - different.length, blocksWritten: different.length, blocksBad: 0 });
        expect(result.blocksRestored).toBe(different.filter((id) => !isZero(id)).length);
        expect(result.blocksSparse).toBe(different.filter(isZero).length);
        expect(said).toContain(`${BLOCKS - different.length} blocks kept, ${different.length} written.`);
      }),
      { numRuns: 40 },
    ));

  it('leaves alone what -c skips, and zero blocks with -s', () =>
    fc.assert(
      fc.asyncProperty(targets, fc.nat({ max: BLOCKS }), fc.boolean(), async (target, fromId, sparse) => {
        const isLeft = (id: number) => id < fromId || (sparse && isZero(id));
        const expected = Buffer.concat(ids.map((id) => blockOf(isLeft(id) ? target : image, id)));
        const result = await restoring(target, { fromId, sparse });
        expect(readFileSync(path()).subarray(0, image.length).equals(expected)).toBe(true);
        const { size, blocksRestored, blocksSparse, blocksKept, blocksSkipped } = result;
        expect(blocksRestored + blocksSparse + blocksKept + blocksSkipped).toBe(size);
        expect(result.blocksWritten).toBe(differing(target).filter((id) => !isLeft(id)).length);
      }),
      { numRuns: 20 },
    ));

  it('tells in a dry run what it would do, and changes nothing', () =>
    fc.assert(
      fc.asyncProperty(targets, async (target) => {
        writeFileSync(path(), target);
        const { mtimeNs } = statSync(path(), { bigint: true });
        const dry = await again({ delta: { from: undefined, dryRun: true }, force: false });
        expect(readFileSync(path()).equals(target)).toBe(true);
        expect(statSync(path(), { bigint: true }).mtimeNs).toBe(mtimeNs);
        const { seconds, ...done } = await again();
        expect(dry).toEqual({ ...done, dryRun: true, seconds: expect.any(Number) });
      }),
      { numRuns: 15 },
    ));

  it('needs no blobs for a dry run, nor for blocks that are kept', async () => {
    const target = Buffer.from(image);
    target.fill(1, 2 * BLOCK_SIZE, 2 * BLOCK_SIZE + 8);
    const [wanted] = await lab.meta.blocksById(uid, [2]);
    const blob = blobPath(lab.dataPath, wanted?.uid ?? '');
    renameSync(blob, join(lab.folder, 'kept blob'));
    renameSync(lab.dataPath, join(lab.folder, 'away'));
    try {
      const dry = await restoring(target, { delta: { from: undefined, dryRun: true } });
      expect(dry).toMatchObject({ blocksWritten: 1, blocksKept: BLOCKS - 1, errors: [] });
    } finally {
      renameSync(join(lab.folder, 'away'), lab.dataPath);
    }
    // Only the blob of the block that differs is there.
    const rows = await lab.meta.blockPage(uid, -1, BLOCKS);
    const others = new Map(
      rows.flatMap((row) => (row.uid === null || row.id === 2 ? [] : [[row.uid, blobPath(lab.dataPath, row.uid)]])),
    );
    renameSync(join(lab.folder, 'kept blob'), blob);
    for (const [name, at] of others) renameSync(at, join(lab.folder, name));
    try {
      expect(await restoring(target)).toMatchObject({ blocksWritten: 1, errors: [] });
      expect(readFileSync(path()).equals(image)).toBe(true);
    } finally {
      for (const [name, at] of others) renameSync(join(lab.folder, name), at);
    }
  });
});

describe('bad blobs', () => {
  /** Damages the blob of a block. @returns the bytes that a restore writes there. */
  const damages: Record<string, (blob: string, block: Buffer) => Buffer> = {
    removed: (blob, block) => {
      rmSync(blob);
      return Buffer.alloc(block.length);
    },
    flipped: (blob, block) => {
      const wrong = Buffer.from(block);
      wrong.reverse();
      writeFileSync(blob, wrong);
      return wrong;
    },
    cut: (blob, block) => {
      truncateSync(blob, 100);
      return Buffer.concat([block.subarray(0, 100), Buffer.alloc(block.length - 100)]);
    },
  };
  const damage = fc.record({ id: fc.constantFrom(0, 3, 11, 14, 23), kind: fc.constantFrom(...Object.keys(damages)) });
  const sets = fc.uniqueArray(damage, { selector: ({ id }) => id, minLength: 1, maxLength: 3 });

  it('are reported where they are needed, and do not matter where the target is right', () =>
    fc.assert(
      fc.asyncProperty(targets, sets, async (target, damaged) => {
        const needed = differing(target);
        const expected = Buffer.from(image);
        const mended: (() => void)[] = [];
        const bad: number[] = [];
        for (const { id, kind } of damaged) {
          const [row] = await lab.meta.blocksById(uid, [id]);
          const blob = blobPath(lab.dataPath, row?.uid ?? '');
          const bytes = readFileSync(blob);
          mended.push(() => writeFileSync(blob, bytes));
          const wrong = damages[kind]?.(blob, blockOf(image, id)) ?? ZERO;
          // Blocks 11 and 12 share a blob.
          for (const each of id === 11 ? [11, 12] : [id]) {
            if (!needed.includes(each)) continue;
            bad.push(each);
            wrong.copy(expected, each * BLOCK_SIZE);
          }
        }
        const result = await restoring(target);
        for (const mend of mended) mend();
        lab.sql('UPDATE blocks SET valid = 1; UPDATE versions SET valid = 1');
        expect(result.errors.map(({ id }) => id).sort((a, b) => a - b)).toEqual(bad.sort((a, b) => a - b));
        expect(readFileSync(path()).subarray(0, image.length).equals(expected)).toBe(true);
        // The next run writes them, now that their blobs are good.
        expect(await again()).toMatchObject({ blocksBad: 0, blocksWritten: new Set(bad).size });
        expect(readFileSync(path()).subarray(0, image.length).equals(image)).toBe(true);
      }),
      { numRuns: 15 },
    ));
});

it('a zero block that an old release stored like others is kept where the target is zero', async () => {
  const zeros = Buffer.concat([noise(BLOCK_SIZE, 'one'), ZERO, ZERO]);
  const { uid: old } = await backup(context, { source: lab.source(zeros), name: 'old' });
  const checksum = createHash('sha512').update(ZERO).digest('hex');
  lab.sql(`UPDATE blocks SET uid = 'no such blob', checksum = '${checksum}' WHERE version_uid = '${old}' AND id = 1`);
  expect(await restoring(zeros, { uid: old })).toMatchObject({ blocksKept: 3, blocksWritten: 0 });
});

it('a new, an empty and a short target are refused', async () => {
  rmSync(path(), { force: true });
  for (const dryRun of [false, true]) {
    await expect(again({ delta: { from: undefined, dryRun } })).rejects.toMatchObject({ code: 'targetRefused' });
    expect(() => statSync(path())).toThrow('ENOENT');
  }
  await expect(restoring(Buffer.alloc(0))).rejects.toThrow(/is new or empty: there is nothing to compare/);
  await expect(again({ target: 'null://1M' })).rejects.toThrow(/Target null:\/\/1M is new or empty/);
  await expect(restoring(image.subarray(1))).rejects.toThrow(/Target size is too small/);
  await expect(restoring(image, { force: false })).rejects.toThrow(/Target already exists/);
  expect(readFileSync(path()).equals(image)).toBe(true);
});

it('a target that can be read only in part is restored, with a warning that says why', async () => {
  const cutFirst: RunPool = (inner, request, body) =>
    runInline(inner, request, (pool) => {
      truncateSync(path(), 4 * BLOCK_SIZE);
      return body(pool);
    });
  for (const dryRun of [true, false]) {
    const result = await restoring(image, { delta: { from: undefined, dryRun } }, cutFirst);
    expect(result).toMatchObject({ blocksKept: 4, blocksWritten: BLOCKS - 4 });
    expect(said).toContainEqual(
      expect.stringMatching(
        `^${BLOCKS - 4} blocks of file://.* could not be read. They count as different. The first: Reading block 4 at offset ${4 * BLOCK_SIZE}: `,
      ),
    );
  }
  expect(readFileSync(path()).equals(image)).toBe(true);
});

it('a stop says how to resume, and a dry run has nothing to resume', async () => {
  writeFileSync(path(), image);
  const failing = () => Promise.reject(new BackyError('dataBackend', 'It failed.'));
  const stopped = (dryRun: boolean, sparse = false) =>
    restore(context, { uid, ...FIXED, sparse, target: `file://${path()}`, delta: { from: undefined, dryRun } }, failing);
  await expect(stopped(false)).rejects.toMatchObject({
    hint: `The target is incomplete. Resume with: backy2 restore -f --delta ${uid} file://${path()}`,
  });
  await expect(stopped(false, true)).rejects.toMatchObject({
    hint: expect.stringContaining('backy2 restore -f -s --delta '),
  });
  await expect(stopped(true)).rejects.toMatchObject({ message: 'It failed.', hint: undefined });
});
