import { describe, expect, it } from 'vitest';
import { type PoolOptions, planSlots } from '../../../../src/engine/pool/pool-options.ts';

const MIB = 1024 ** 2;
const limits = (inFlight: number) => ({ simultaneousReads: inFlight, simultaneousWrites: inFlight });

/** The plan of a backup. */
function plan({
  workers = 2,
  inFlight = 4,
  blockSize = 4 * MIB,
  key,
}: {
  workers?: number;
  inFlight?: number;
  blockSize?: number;
  key?: Buffer;
}) {
  return planSlots({
    ...{ workers, blockSize, sizeBytes: 1024 * MIB, hashFunction: 'sha512', onRetry: () => {} },
    data: limits(inFlight) as PoolOptions['data'],
    source: { url: 'file:///image', limits: limits(inFlight) } as PoolOptions['source'],
    encryption: { key } as PoolOptions['encryption'],
  });
}

describe('the slots of a pool', () => {
  it('take 64 MiB with two workers and blocks of 4 MiB: eight each, for eight blocks hashed at once', () => {
    expect(plan({})).toMatchObject({ slotBytes: 4 * MIB, slotsPerWorker: 8, ioSlotsPerWorker: 6 });
  });

  it('are more where there is one worker, or blocks are small', () => {
    expect(plan({ workers: 1 }).slotsPerWorker).toBe(16);
    expect(plan({ blockSize: 4096 })).toMatchObject({ slotBytes: MIB, blocksPerSlot: 256, slotsPerWorker: 16 });
  });

  it('are six with more workers, or more where more is in flight', () => {
    expect(plan({ workers: 4 }).slotsPerWorker).toBe(6);
    expect(plan({ inFlight: 20 }).slotsPerWorker).toBe(22);
  });

  it('count twice with encryption, which needs a second buffer', () => {
    expect(plan({ key: Buffer.alloc(32) }).slotsPerWorker).toBe(6);
  });
});
