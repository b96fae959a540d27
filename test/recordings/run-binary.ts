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

/** No recorded call needs more on a slow machine; the original hung in some. */
const TIMEOUT_MS = 45_000;

/** Runs the program to its end. Rejects when it can't be started or hangs. */
export async function runBinary(argv: string[], options: RunOptions): Promise<Result> {
  const { code, signal, stdout, stderr } = await runProgram(argv, { ...options, timeoutMs: TIMEOUT_MS });
  return { rc: code ?? `${signal}`, stdout, stderr };
}
