import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backup } from '../../../../src/core/backup/backup.ts';
import type { RunPool } from '../../../../src/core/blocks/with-pool.ts';
import type { Context } from '../../../../src/core/context.ts';
import { KnownTarget, withKnownVersion } from '../../../../src/core/restore/known-target.ts';
import type { RestoreResult } from '../../../../src/core/restore/request.ts';
import { RestoreRun } from '../../../../src/core/restore/restore-run.ts';
import type { Difference } from '../../../../src/io/rbd/diff-call.ts';
import type { TaggedVersion } from '../../../../src/model/version.ts';
import { runInline } from '../../../support/engine/inline-pool.ts';
import { edit, edited } from '../../../support/images/image-edits.ts';
import { noise } from '../../../support/images/random.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const BLOCKS = 24;
/** The cluster lists whole objects. */
const OBJECT = 3 * BLOCK_SIZE - 512;
const image = Buffer.concat([noise(9 * BLOCK_SIZE, 'a'), Buffer.alloc(6 * BLOCK_SIZE), noise(9 * BLOCK_SIZE - 99, 'b')]);

let lab: CoreLab;
let context: Context;
beforeAll(async () => {
  lab = await CoreLab.create();
  context = { ...lab.context, settings: { ...lab.context.settings, workers: undefined } };
});
afterAll(() => lab.dispose());

async function backedUp(bytes: Buffer, snapshotName: string, name = 'vm'): Promise<TaggedVersion> {
  const { uid } = await backup(context, { source: lab.source(bytes), name, snapshotName });
  return lab.version(uid);
}

/** Objects that differ, as a cluster lists them. */
function differences(before: Buffer, now: Buffer): Difference[] {
  const found: Difference[] = [];
  for (let offset = 0; offset < now.length; offset += OBJECT) {
    const [old, own] = [before, now].map((bytes) => bytes.subarray(offset, offset + OBJECT));
    if (old !== undefined && own?.equals(old) === false)
      found.push({ offset, length: own.length, exists: own.some((byte) => byte !== 0) });
  }
  return found;
}

interface Given {
  version: TaggedVersion;
  known: TaggedVersion;
  head: Buffer;
  changes: Difference[];
  fromTimeMs?: number;
  dryRun?: boolean;
}

/**
 * Restores to an image whose changes since a snapshot are known.
 * @returns also which blocks were read.
 */
async function restoreSince(given: Given): Promise<{ result: RestoreResult; read: number[]; now: Buffer }> {
  const { version, known, head, changes, dryRun = false } = given;
  const path = join(lab.folder, 'target');
  const url = `file://${path}`;
  writeFileSync(path, head);
  const changesSince = async () => ({ differences: changes, fromTimeMs: given.fromTimeMs ?? lab.now.getTime() });
  const spec = { url, limits: context.io.file };
  const target = { isNew: false, tailBytes: head.length - version.sizeBytes, spec, changesSince, close: async () => {} };
  const geometry = { blockSize: BLOCK_SIZE, sizeBytes: version.sizeBytes };
  const opened = await KnownTarget.open(context, { target, url, snapshot: 'snap', known, geometry });
  const read: number[] = [];
  const watched: RunPool = (inner, request, body) =>
    runInline(inner, request, (pool) =>
      body({
        slots: pool.slots,
        loads: pool.loads,
        decide: (job, decisions) => pool.decide(job, decisions),
        flush: () => pool.flush(),
        run: (operation) =>
          pool.run({
            next: async () => {
              const job = await operation.next();
              if (job?.kind === 'compare') read.push(...job.blocks.map(({ id }) => id));
              return job;
            },
            answered: (answer) => operation.answered(answer),
          }),
      }),
    );
  const delta = { from: 'snap', dryRun };
  const request = { uid: version.uid, target: url, sparse: false, force: true, discard: false, fromId: 0, delta };
  const prepared = { request, version, geometry, target, guard: lab.guard('goOn', version.uid), known: opened };
  const result = await new RestoreRun(context, prepared, watched).perform();
  return { result, read, now: readFileSync(path) };
}

const edits = fc.array(edit(BLOCK_SIZE, BLOCKS), { maxLength: 3 });
const apply = (start: Buffer, changes: readonly Parameters<typeof edited>[1][]) =>
  changes.reduce<Buffer>((bytes, change) => edited(bytes, change, BLOCK_SIZE), start);

describe('a restore since a snapshot', () => {
  it('gives the version, whatever changed, and reads only that', () =>
    fc.assert(
      fc.asyncProperty(edits, edits, edits, fc.nat({ max: BLOCK_SIZE }), async (first, second, third, more) => {
        const [base, wanted] = [apply(image, first), apply(image, second)];
        const head = Buffer.alloc(Math.max(base.length, wanted.length) + more);
        base.copy(head);
        apply(base, third).copy(head);
        const [known, version] = [await backedUp(base, 'snap'), await backedUp(wanted, 'other')];
        fc.pre(version.size > 1 && known.size > 1);
        const changes = differences(Buffer.concat([base, Buffer.alloc(head.length - base.length)]), head);
        const { result, read, now } = await restoreSince({ version, known, head, changes });
        expect(now.equals(Buffer.concat([wanted, head.subarray(wanted.length)]))).toBe(true);
        expect(result).toMatchObject({ blocksBad: 0, complete: true });
        // Beyond the end of the known version, all blocks are read.
        const knownEnd = Math.floor(Math.min(base.length, wanted.length) / BLOCK_SIZE);
        const unexpected = read.filter(
          (id) =>
            id < knownEnd &&
            !changes.some(({ offset, length }) => offset < (id + 1) * BLOCK_SIZE && id * BLOCK_SIZE < offset + length),
        );
        expect(unexpected).toEqual([]);
        const again = await restoreSince({
          version,
          known,
          head: now,
          changes: [{ offset: 0, length: now.length, exists: true }],
        });
        expect(again.result).toMatchObject({ blocksWritten: 0, blocksKept: version.size });
      }),
      { numRuns: 20 },
    ));

  it('reads nothing when nothing has changed, and a dry run tells the same', async () => {
    const wanted = Buffer.from(image);
    wanted.fill('changed', 2 * BLOCK_SIZE, 3 * BLOCK_SIZE);
    wanted.fill(0, 4 * BLOCK_SIZE, 5 * BLOCK_SIZE);
    const [known, version] = [await backedUp(image, 'snap'), await backedUp(wanted, 'other')];
    const given = { version, known, head: image, changes: [] };
    const counts = { blocksKept: version.size - 2, blocksWritten: 2, blocksRestored: 1, blocksSparse: 1 };
    const dry = await restoreSince({ ...given, dryRun: true });
    expect(dry).toMatchObject({ result: counts, read: [] });
    expect(dry.now.equals(image)).toBe(true);
    const done = await restoreSince(given);
    expect(done).toMatchObject({ result: counts, read: [] });
    expect(done.now.equals(wanted)).toBe(true);
  });

  it('keeps no block because neither row has a checksum', async () => {
    const id = 22;
    const wanted = Buffer.from(image);
    wanted.fill('changed', id * BLOCK_SIZE, (id + 1) * BLOCK_SIZE);
    const [known, version] = [await backedUp(image, 'snap'), await backedUp(wanted, 'other')];
    lab.sql(`UPDATE blocks SET checksum = NULL WHERE id = ${id} AND version_uid IN ('${known.uid}', '${version.uid}')`);
    const { result } = await restoreSince({ version, known, head: image, changes: [], dryRun: true });
    expect(result).toMatchObject({ blocksKept: version.size - 1, blocksWritten: 1 });
  });

  it('is refused, with nothing written, when the snapshot is of another image or another time', async () => {
    const [known, version] = [await backedUp(image, 'snap'), await backedUp(image, 'other')];
    const head = noise(image.length, 'another image');
    await expect(restoreSince({ version, known, head, changes: [] })).rejects.toMatchObject({
      code: 'hintsMismatch',
      message: expect.stringMatching(
        /differs from version .* where nothing has changed since snapshot "snap": block 0, offset 0/,
      ),
    });
    expect(readFileSync(join(lab.folder, 'target')).equals(head)).toBe(true);
    const late = { version, known, head: image, changes: [], fromTimeMs: lab.now.getTime() + 3_600_000 };
    await expect(restoreSince(late)).rejects.toThrow(/Snapshot "snap" is newer than version/);
  });

  it('compares blocks with data, though most are zero', async () => {
    const own = Buffer.concat([Buffer.alloc(30 * BLOCK_SIZE), noise(5 * BLOCK_SIZE, 'own'), Buffer.alloc(165 * BLOCK_SIZE)]);
    const head = Buffer.from(own);
    noise(5 * BLOCK_SIZE, 'of another image').copy(head, 30 * BLOCK_SIZE);
    const known = await backedUp(own, 'snap');
    await expect(restoreSince({ version: known, known, head, changes: [] })).rejects.toMatchObject({ code: 'hintsMismatch' });
  });

  it('takes the version itself, or else the newest valid one of its name, and needs one', async () => {
    const [old, own] = [await backedUp(image, 'this', 'names'), await backedUp(image, 'that', 'names')];
    const newest = await backedUp(image, 'this', 'names');
    const find = (version: TaggedVersion, snapshot: string) =>
      withKnownVersion(context, { version, snapshot }, async ({ uid }) => uid);
    expect(await find(old, 'this')).toBe(old.uid);
    expect(await find(own, 'this')).toBe(newest.uid);
    await expect(find(own, 'none')).rejects.toThrow(/There is no valid version of "names" with snapshot "none"/);
    await expect(find({ ...own, valid: false, name: 'other' }, 'that')).rejects.toMatchObject({ code: 'refused' });
  });
});
