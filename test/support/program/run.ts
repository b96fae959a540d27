import { basename } from 'node:path';
import { expect } from 'vitest';
import { permitStart } from '../runner/costs/starts.ts';
import { REAL_SHARDS, takesTurn } from '../runner/rotation.ts';
import { takeClock } from './clock.ts';
import { BINARY, HANG_MS, type Result, Running, type StartOptions } from './process.ts';
import { runResident } from './resident.ts';

export type RunOptions = StartOptions;

/** Variables that Node, the launcher or preloaded code reads before the program starts. */
const READ_AT_START = /^(NODE_|UV_|LD_|BACKY2_|FAULTS_|FAULTY_)/;

/**
 * Runs the program to its end, usually in a process that stays for the next call (resident.ts),
 * which costs no start. It gets a process of its own:
 * - where it must: stdin, a command before it, variables that are read before it starts,
 * - for a third of the tests of resident kinds, in turn,
 * - always if BACKY2_BINARY names an installed program.
 */
export function runProgram(
  args: readonly string[],
  options: RunOptions & { env: Record<string, string>; cwd: string },
): Promise<Result> {
  const { env, cwd, stdin, prefix = [], timeoutMs = HANG_MS } = options;
  const { clockMs, rest } = takeClock(env);
  const start = () => new Running([...prefix, BINARY, ...args], { ...options, timeoutMs }).ended;
  if (stdin !== undefined || prefix.length > 0 || Object.keys(rest).some((name) => READ_AT_START.test(name))) return start();
  if (process.env.BACKY2_BINARY !== undefined || isRealInTurn()) return permitStart(start);
  return runResident({ argv: [...args], env: rest, cwd, timeoutMs, ...(clockMs === undefined ? {} : { clockMs }) });
}

/**
 * Whether it is the turn of this test, or of its file outside of tests. Kinds with processes of
 * their own take no turns.
 */
function isRealInTurn(): boolean {
  const { currentTestName, testPath } = expect.getState();
  const isResidentKind = ['cli', 'recordings'].includes(process.env.BACKY_TEST_PROJECT ?? '');
  return isResidentKind && takesTurn(`${basename(testPath ?? '')} ${currentTestName ?? ''}`, REAL_SHARDS);
}
