import { setImmediate } from 'node:timers/promises';
import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';

export const rmCommand: Command = {
  name: 'rm',
  description: 'Remove versions; cleanup frees their space.',
  args: [['<version_uids...>', 'versions to remove']],
  options: [['-f, --force', 'remove also versions younger than disallow_rm_when_younger_than_days']],
  prepare({ args: uids, options }) {
    const force = flag(options.force);
    return async ({ backy, note }) => {
      const removed: unknown[] = [];
      note({ removed });
      for (const uid of uids) {
        removed.push(await backy.remove(uid, force));
        await wholeTurn();
      }
      return { result: { removed } };
    };
  },
};

/**
 * Waits for a whole turn of the event loop, in which signals are heard: SQLite's calls leave none
 * between two removals. The first wait ends the turn that runs.
 */
async function wholeTurn(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
