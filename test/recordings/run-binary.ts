import { runProgram } from '../support/program/run.ts';

export interface Result {
  /** The exit code, or what ended the process instead. */
  rc: number | string;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd: string;
  env: Record<string, string>;
  stdin?: string | Buffer | undefined;
}

/**
 * The longest call stores 3000 blobs one after another: 7 s on an idle machine, more than 45 s with
 * a small share of the processors. The limit is for calls that hang, as some of the original did.
 */
export const TIMEOUT_MS = 180_000;

/** Runs the program to its end. Rejects if it cannot be started or hangs. */
export async function runBinary(argv: string[], options: RunOptions): Promise<Result> {
  const { code, signal, stdout, stderr } = await runProgram(argv, { ...options, timeoutMs: TIMEOUT_MS });
  return { rc: code ?? `${signal}`, stdout, stderr };
}
