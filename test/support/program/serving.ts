import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '../labs/lab.ts';
import type { Running } from './process.ts';

/** A server that runs in a lab. */
export interface Serving {
  running: Running;
  /** Its first output: the URI or the mountpoint. */
  where: string;
}

/** Starts `nbd` or `fuse` with `-m`, and waits until it is ready. */
export async function startServing(lab: Lab, ...args: string[]): Promise<Serving> {
  const running = lab.start(['-m', ...args], { timeoutMs: 300_000 });
  for (;;) {
    const [where, ...rest] = running.stdout.split('\n');
    if (where !== undefined && rest.length > 0) return { running, where };
    if (running.hasEnded) throw new Error(`it ended:\n${running.stdout}${running.stderr}`);
    await sleep(10);
  }
}

/** Starts the NBD server on a socket of the lab. */
export async function startNbd(lab: Lab, ...args: string[]): Promise<Serving & { socket: string }> {
  const socket = lab.path('nbd.sock');
  return { ...(await startServing(lab, 'nbd', '--socket', socket, ...args)), socket };
}

/** Stops it as Ctrl-C does. */
export async function stopServing({ running }: Serving): Promise<{ code: number | null; stdout: string; stderr: string }> {
  running.kill('SIGINT');
  return running.ended;
}

/** Stops it if it still runs. For use after a test. */
export async function endServing(serving: Serving): Promise<void> {
  if (!serving.running.hasEnded) await stopServing(serving);
}
