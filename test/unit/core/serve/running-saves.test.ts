import { expect, it } from 'vitest';
import { RunningSaves } from '../../../../src/core/serve/running-saves.ts';

function deferred() {
  let resolve: () => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<void>((good, bad) => {
    resolve = good;
    reject = bad;
  });
  return { promise, resolve, reject };
}

it('lets clients of a version wait until its save has succeeded or failed', async () => {
  const saves = new RunningSaves();
  for (const end of ['resolve', 'reject'] as const) {
    const save = deferred();
    const running = saves.run('v1', () => save.promise).catch(() => {});
    expect([saves.isRunning('v1'), saves.isRunning('v2')]).toEqual([true, false]);
    const events: string[] = [];
    const waiting = saves.wait('v1').then(() => events.push('opened'));
    await saves.wait('v2');
    events.push('ended');
    save[end](new Error('no space'));
    await Promise.all([running, waiting]);
    expect(events).toEqual(['ended', 'opened']);
    expect(saves.isRunning('v1')).toBe(false);
  }
});

it('refuses a client that has waited too long', async () => {
  const saves = new RunningSaves(1);
  const save = deferred();
  const running = saves.run('v1', () => save.promise);
  await expect(saves.wait('v1')).rejects.toThrow('Writes to version v1 are being saved. Connect again later.');
  save.resolve();
  await running;
});
