import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Unix sockets need short paths, so TMPDIR is not used. */
const ROOT = process.env.BACKY2_SERVICES_FOLDER ?? '/tmp';

/** A folder for servers, which end with it, also when this process is killed. */
export class GuardedFolder {
  readonly path: string;
  readonly #guard: ChildProcess;

  /** @param name a word for the folder's name. */
  constructor(name: string) {
    this.path = mkdtempSync(join(ROOT, `backy2-${name}-`));
    mkdirSync(join(this.path, 'run'));
    // In a session of its own: Ctrl-C on the tests must not end the guard before the servers.
    const script = fileURLToPath(new URL('guard.sh', import.meta.url));
    this.#guard = spawn('bash', [script, this.path], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
    // Nobody needs to wait for it: it ends with the pipe.
    this.#guard.unref();
  }

  /** Puts a process under guard. `signal` must end it at once; its data is thrown away. */
  record(name: string, pid: number, signal: 'QUIT' | 'KILL'): void {
    const file = join(this.path, 'run', `${name}.pid`);
    writeFileSync(`${file}.new`, `${pid} ${startTime(pid)} ${signal}\n`);
    renameSync(`${file}.new`, file);
  }

  /** Ends the servers and removes the folder. */
  async dispose(): Promise<void> {
    if (this.#guard.exitCode !== null) return;
    const ended = once(this.#guard, 'exit');
    this.#guard.ref();
    this.#guard.stdin?.end();
    await ended;
  }
}

/** In the kernel's count. Pid and start time together are unique. */
function startTime(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
