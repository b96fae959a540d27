import { afterEach, beforeEach, expect, it } from 'vitest';
import type { LockService } from '../../../src/locking/lock.ts';

/** How the suite gets services that see each other's locks. */
interface LockFixture {
  open(): LockService;
  dispose(): Promise<void>;
}

/** The contract of lock services (src/locking/lock.ts). */
export function lockServiceSuite(create: () => Promise<LockFixture>): void {
  let fixture: LockFixture;
  let one: LockService;
  let other: LockService;
  beforeEach(async () => {
    fixture = await create();
    one = fixture.open();
    other = fixture.open();
  });
  afterEach(() => fixture.dispose());

  it('lets one hold a lock exclusively, and gives it on', async () => {
    const held = await one.tryAcquire('a', 'exclusive');
    expect(await other.tryAcquire('a', 'exclusive')).toBeUndefined();
    expect(await other.tryAcquire('a', 'shared')).toBeUndefined();
    expect(await other.isHeld('a')).toBe(true);
    await held?.release();
    expect(await other.isHeld('a')).toBe(false);
    const next = await other.tryAcquire('a', 'exclusive');
    expect(next).toBeDefined();
    await next?.release();
  });

  it('lets several share a lock, and keeps it until the last gives it back', async () => {
    const first = await one.tryAcquire('a', 'shared');
    const second = await other.tryAcquire('a', 'shared');
    expect(first).toBeDefined();
    expect(second).toBeDefined();
    expect(await one.isHeld('a')).toBe(false);
    await first?.release();
    expect(await one.tryAcquire('a', 'exclusive')).toBeUndefined();
    await second?.release();
    const alone = await one.tryAcquire('a', 'exclusive');
    expect(alone).toBeDefined();
    await alone?.release();
  });

  it('keeps names apart', async () => {
    const a = await one.tryAcquire('a', 'exclusive');
    const b = await other.tryAcquire('b', 'exclusive');
    expect(b).toBeDefined();
    await a?.release();
    await b?.release();
  });

  it('gives back on closing what was not released', async () => {
    const first = await one.tryAcquire('a', 'exclusive');
    await one.tryAcquire('b', 'shared');
    await one.close();
    const taken = [await other.tryAcquire('a', 'exclusive'), await other.tryAcquire('b', 'exclusive')];
    expect(taken).not.toContain(undefined);
    // Too late, and no harm.
    await first?.release();
    expect(await other.isHeld('a')).toBe(true);
    for (const lock of taken) await lock?.release();
  });

  it('refuses names that could lead elsewhere', async () => {
    await expect(one.tryAcquire('../x', 'shared')).rejects.toThrow(/can't be the name of a lock/);
  });
}
