import { expect, it } from 'vitest';
import { NativeFiles } from '../../../src/data/file/native-files.ts';
import type { CallThread } from '../../../src/native/async-call.ts';
import type { WholeFiles } from '../../../src/native/whole-files.ts';

/** Reads blobs, one after the other. @returns where each was read. */
async function read(waits: readonly boolean[], mayBlock?: boolean): Promise<CallThread[]> {
  const threads: CallThread[] = [];
  const library: Pick<WholeFiles, 'get'> = {
    get: async ({ where }) => ({ size: 1, wasRefused: false, hasWaited: waits[threads.push(where) - 1] === true }),
  };
  const files = new NativeFiles(library as WholeFiles, { isDurable: true, fileMode: 0o600, directIo: 'auto', mayBlock });
  for (const _ of waits) await files.get('blob', new Uint8Array(1));
  return threads;
}

const [memory, disk] = [false, true];

it('blobs in memory are read on the calling thread after some that did not wait', async () => {
  expect(await read([memory, memory, memory, memory, memory, memory], true)).toEqual([
    ...['pool', 'pool', 'pool', 'pool'],
    ...['here', 'here'],
  ]);
});

it('a read that waits sends the next ones to the pool again', async () => {
  const waits = [disk, memory, memory, memory, memory, disk, memory, disk, memory];
  expect(await read(waits, true)).toEqual([...['pool', 'pool', 'pool', 'pool', 'pool'], ...['here', 'pool', 'pool', 'pool']]);
});

it('a thread that must not block never reads', async () => {
  expect(await read([memory, memory, memory, memory, memory, memory])).not.toContain('here');
});
