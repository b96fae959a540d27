import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Gate, shareGate } from '../../../../src/engine/shared/gate.ts';

const never = new AbortController().signal;

describe('Gate', () => {
  it('lets no more pass at once than its limit, over all that share it', async () => {
    const shared = shareGate(3, 0, 100);
    const gates = [new Gate(shared), new Gate(shared)];
    let inside = 0;
    let most = 0;
    const work = Array.from({ length: 40 }, (_, index) =>
      gates[index % 2]?.run(1, never, async () => {
        most = Math.max(most, ++inside);
        await sleep(1);
        inside--;
      }),
    );
    await Promise.all(work);
    expect(most).toBe(3);
  });

  it("lets a thread's operations pass in the order in which they came, however long they wait", async () => {
    const gate = new Gate(shareGate(1, 0, 20));
    const order: string[] = [];
    const pass = (name: string) => gate.run(1, never, async () => void order.push(name));
    const holder = gate.run(1, never, () => sleep(300));
    // Who waits looks again after 200 ms: the first one does while the second has not yet.
    const first = pass('first');
    await sleep(150);
    await Promise.all([holder, first, pass('second'), pass('third')]);
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('runs at once what need not wait, and keeps its pass for no longer', () => {
    const gate = new Gate(shareGate(1, 0, 2));
    expect(gate.run(1, never, () => 'first')).toBe('first');
    expect(() =>
      gate.run(1, never, () => {
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(gate.run(1, never, () => 'second')).toBe('second');
  });

  it('gives its pass back when the operation fails', async () => {
    const gate = new Gate(shareGate(1, 0, 2));
    await expect(gate.run(1, never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(gate.run(1, never, async () => 'yes')).resolves.toBe('yes');
  });

  it('lets who waits go when the operation is stopped', async () => {
    const gate = new Gate(shareGate(1, 0, 2));
    const aborter = new AbortController();
    const holder = gate.run(1, never, () => sleep(2000, undefined, { ref: false }));
    const waiting = gate.run(1, aborter.signal, async () => 'in');
    aborter.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    void holder;
  });

  it('spaces operations out to its bandwidth', async () => {
    const shared = shareGate(10, 100_000, 10);
    const gates = [new Gate(shared), new Gate(shared)];
    const start = performance.now();
    await Promise.all(Array.from({ length: 10 }, (_, index) => gates[index % 2]?.run(2_000, never, async () => {})));
    // The first goes at once; nine times 20 ms come after. Only the lower bound is the gate's
    // promise.
    expect(performance.now() - start).toBeGreaterThanOrEqual(175);
  });
});
