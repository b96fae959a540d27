import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { LineLog } from './line-log.ts';

/** A shell command of the configuration. */
export interface HookRequest {
  /** For `/bin/sh -c`. */
  command: string;
  /** Begins its log lines: `before of job web`. */
  what: string;
  /** Variables beside those of this process. */
  env: Readonly<Record<string, string>>;
  /** Its time limit. */
  timeoutMs: number;
  /** Undefined: /dev/null. */
  stdin?: string | undefined;
  /** A word of its command line, by which {@link waitForHooks} finds it. */
  mark: string;
  logger: Logger;
  /** Ends it early. Undefined: only the time limit does. */
  signal?: AbortSignal | undefined;
}

/** About 24 days. Node ends longer timers at once. */
const LONGEST_MS = 2 ** 31 - 1;
/** Time for a process group to end after SIGTERM. */
const GRACE_MS = 10_000;
/** Time for output after the command has ended: a daemon that it started may keep the pipe open. */
const OUTPUT_MS = 500;

/**
 * Runs the command as a child that is never alone: a watcher reads from descriptor 3. When this
 * process dies, even by SIGKILL, the watcher ends the process group. `$0` is the mark, `$1` the
 * command. The trap keeps the shell itself alive until the command has ended.
 */
const WRAPPER = [
  "trap : TERM INT HUP; (trap '' TERM INT HUP; read -r _ <&3; kill -s TERM -- -$$; sleep 2; kill -s KILL -- -$$)",
  '</dev/null >/dev/null 2>&1 & watcher=$!; exec 3<&-; /bin/sh -c "$1"; code=$?; kill -s KILL $watcher; exit $code',
].join(' ');

/**
 * Runs a hook in a process group of its own, and logs its output line by line. Never rejects.
 * @returns why it failed, in words that follow its name; undefined if it succeeded.
 */
export function runHook(request: HookRequest): Promise<string | undefined> {
  return run(request).catch((error: unknown) => `could not be started: ${messageOf(error)}`);
}

async function run(request: HookRequest): Promise<string | undefined> {
  const { command, mark, env, stdin } = request;
  const child = spawn('/bin/sh', ['-c', WRAPPER, mark, command], {
    // BACKY2_SIGHUP is between this process and its launcher.
    env: { ...process.env, BACKY2_SIGHUP: undefined, ...env },
    stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'pipe'],
    // A session of its own: signals of a terminal do not reach it.
    detached: true,
  });
  const lines = new LineLog((line) => request.logger.info(`${request.what}: ${line}`));
  for (const stream of [child.stdout, child.stderr]) lines.read(stream);
  child.stdin?.on('error', () => {}).end(stdin);
  child.stdio[3]?.on('error', () => {});
  return limited(child, request);
}

async function limited(child: ChildProcess, { timeoutMs, signal }: HookRequest): Promise<string | undefined> {
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), Math.min(timeoutMs, LONGEST_MS));
  const stop = AbortSignal.any([late.signal, ...(signal === undefined ? [] : [signal])]);
  const stopped = stop.aborted ? Promise.resolve() : once(stop, 'abort');
  try {
    const [code, killedBy] = (await Promise.race([ended, stopped.then(() => end(child, ended))])) ?? [null, null];
    await closeOutput(child);
    if (late.signal.aborted) return `took longer than ${timeoutMs / 1000} s and was ended`;
    if (stop.aborted) return 'was ended';
    if (code === 0) return undefined;
    return code === null ? `was ended by ${killedBy}` : `failed with exit code ${code}`;
  } finally {
    clearTimeout(timer);
    for (const stream of child.stdio) stream?.destroy();
  }
}

/** Ends the process group: with SIGTERM, then with SIGKILL. */
async function end(child: ChildProcess, ended: Promise<unknown>): Promise<[null, NodeJS.Signals]> {
  signalGroup(child, 'SIGTERM');
  await Promise.race([ended, sleep(GRACE_MS, undefined, { ref: false })]);
  signalGroup(child, 'SIGKILL');
  await ended;
  return [null, 'SIGKILL'];
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // Nothing is left of it.
  }
}

/** Waits a moment for the rest of the output. */
async function closeOutput(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream): stream is Readable => stream !== null && !stream.closed);
  await Promise.race([Promise.all(open.map((stream) => once(stream, 'close'))), sleep(OUTPUT_MS, undefined, { ref: false })]);
}
