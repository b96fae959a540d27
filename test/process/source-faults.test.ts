import { truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileFaultyIo } from '../support/faults/faulty-io.ts';
import { noise } from '../support/images/random.ts';
import { sha256 } from '../support/images/sha256.ts';
import { checkRestores, checkStoreAndCleanUp } from '../support/labs/check-store.ts';
import { expectFailure } from '../support/labs/expect-failure.ts';
import { Lab, uidOf } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const gcc = lacking(await needTool('gcc', '--version'));
const library = gcc.skip ? '' : await compileFaultyIo();
const BLOCK = 4096;
const BLOCKS = 100;

const image = noise(BLOCKS * BLOCK, 'image');
let lab: Lab;
let source: string;
beforeEach(async () => {
  lab = await Lab.create({ blockSize: BLOCK });
  source = `file://${lab.write('image', image)}`;
});
afterEach(() => lab.remove());

/** An environment in which reading the source at `offset` fails. */
function fault(kind: 'eio' | 'short', offset: number): { env: Record<string, string> } {
  return { env: { LD_PRELOAD: library, FAULT_PATH: lab.path('image'), FAULT_OFFSET: String(offset), FAULT_KIND: kind } };
}

describe.each([
  ['that can not be read', 'eio' as const],
  ['that is not there any more', 'short' as const],
])('a source block %s', (_, kind) => {
  test.skipIf(gcc.skip)(`ends the backup with its block and offset; -c finishes it when it is well${gcc.note}`, async () => {
    const good = await lab.backup(`file://${lab.write('good', image.subarray(0, 10 * BLOCK))}`, 'good');
    const failed = await lab.run(['-m', 'backup', source, 'vm'], fault(kind, 60 * BLOCK));
    const uid = uidOf(failed.stdout);
    expectFailure(failed, 100, lab.path('image'));
    expect(failed.stderr).toMatch(/\bblock 60\b/i);
    expect(failed.stderr).toContain(`offset ${60 * BLOCK}`);
    expect(lab.version(uid).valid).toBe(0);
    expect(lab.lockFiles()).toEqual([]);
    const oracle = new Map([[good, sha256(image.subarray(0, 10 * BLOCK))]]);
    await checkRestores(lab, oracle);
    await lab.ok('backup', '-c', uid, source, 'vm');
    oracle.set(uid, sha256(image));
    await checkStoreAndCleanUp(lab, oracle);
  });

  test.skipIf(gcc.skip)(`among those that are compared with the base ends a hinted backup at once${gcc.note}`, async () => {
    const base = await lab.backup(source, 'vm');
    const hints = lab.write('hints', '[]');
    lab.configure({ DEFAULTS: { hint_check_percent: 100 } });
    const failed = await lab.run(['-m', 'backup', '-r', hints, '-f', base, source, 'vm'], fault(kind, 60 * BLOCK));
    expectFailure(failed, 100, lab.path('image'));
    await checkRestores(lab, new Map([[base, sha256(image)]]));
  });

  test.skipIf(gcc.skip)(`ends scrub -s with an error and marks nothing${gcc.note}`, async () => {
    const uid = await lab.backup(source, 'vm');
    const before = lab.dump();
    expectFailure(await lab.run(['scrub', '-s', source, uid], fault(kind, 60 * BLOCK)), 100, lab.path('image'));
    expect(lab.dump()).toEqual(before);
    expect(lab.lockFiles()).toEqual([]);
  });
});

describe('a source that', () => {
  test('shrinks while it is read ends the backup; grown back it is continued', async () => {
    lab.remove();
    // Large blocks, so that few are in flight at once; slow, so that block 70 is read in a second.
    const block = 256 * 1024;
    lab = await Lab.create({ blockSize: block, config: { DataBackend: { bandwidth_write: 20 * block } } });
    const bytes = noise(100 * block, 'long');
    const url = `file://${lab.write('image', bytes)}`;
    const running = lab.start(['-m', 'backup', url, 'vm']);
    while (lab.blobs().length === 0 && !running.hasEnded) await sleep(20);
    truncateSync(lab.path('image'), 70 * block + 5);
    const failed = await running.ended;
    const uid = uidOf(failed.stdout);
    expectFailure(failed, 100, `${lab.path('image')} ended at offset`);
    expect(lab.version(uid).valid).toBe(0);
    expectFailure(await lab.run(['backup', '-c', uid, url, 'vm']), 100, 'different size');
    lab.write('image', bytes);
    lab.configure({ DataBackend: { bandwidth_write: 0 } });
    await lab.ok('backup', '-c', uid, url, 'vm');
    await checkStoreAndCleanUp(lab, new Map([[uid, sha256(bytes)]]));
  });

  test.each([
    ['is not there', ['backup', 'file:///no/such/image', 'vm'], '/no/such/image'],
    ['is a folder', ['backup', 'file:///', 'vm'], 'file:///|EISDIR|/ is neither'],
    ['has no type', ['backup', '/no/such/image', 'vm'], '/no/such/image'],
    ['has an unknown type', ['backup', 'ftp://image', 'vm'], 'ftp://image'],
  ])('%s is a clear error, and no version is made', async (_, args, what) => {
    expectFailure(await lab.run(args), 100, new RegExp(what));
    expect(lab.versions()).toEqual([]);
  });
});
