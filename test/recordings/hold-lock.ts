import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Another process that holds an exclusive flock on `path` until `release`. */
export interface HeldLock {
  release(): Promise<void>;
}

/** Takes the lock as the original does, in a process of its own. */
export async function holdLock(path: string): Promise<HeldLock> {
  // --no-fork: the process that is killed is the one that holds the lock.
  const child = spawn('flock', ['--no-fork', '-x', '-n', path, 'sh', '-c', 'echo held; exec sleep 120'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const held = await Promise.race([once(child.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (!held) throw new Error(`${path} is locked already`);
  return {
    async release() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
