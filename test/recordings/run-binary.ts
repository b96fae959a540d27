import { spawn } from 'node:child_process';
import { BINARY } from './location.ts';

export interface Result {
  /** The exit code, or what ended the process instead. */
  rc: number | string;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  stdin?: string | Buffer | undefined;
}

/** No recorded call needs more on a slow machine; the original hung in some. */
const TIMEOUT_MS = 45_000;

/** Runs the program to its end. Rejects only when it can't be started. */
export function runBinary(argv: string[], { cwd, env, stdin }: RunOptions): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, argv, { cwd, env, stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, TIMEOUT_MS);
    child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const rc = hangs ? 'HANG' : (code ?? `${signal}`);
      resolve({ rc, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
    // A program that fails early does not read its stdin.
    child.stdin?.on('error', () => {});
    child.stdin?.end(stdin);
  });
}
