import { expect } from 'vitest';
import type { Lab } from '../labs/lab.ts';
import type { Result } from '../program/process.ts';
import { checkByLooking, checkByRestoring, isPlain } from './check-valid.ts';
import type { Calls } from './fault-layer.ts';
import type { Case } from './faults.ts';
import type { Operation } from './operations.ts';
import type { Ready } from './ready-stores.ts';

/** A prepared operation, with the calls that it makes when nothing fails. */
export interface Counted extends Ready {
  operation: Operation;
  calls: Calls;
}

/** What must hold before anybody does anything. */
export function look(lab: Lab, { operation, oracle }: Counted, isDone: boolean): void {
  if (operation.readableOnlyAfter !== true) checkByLooking(lab, oracle);
  if (isDone) operation.done(lab, oracle);
}

/** What must hold after a fault, and after what a user does then. */
export async function checkAndFinish(lab: Lab, counted: Counted, isDone: boolean): Promise<void> {
  const { operation, oracle } = counted;
  look(lab, counted, isDone);
  await operation.finish(lab);
  operation.done(lab, oracle);
  await lab.ok('cleanup', '-f', '--yes-delete', '1000000');
  expect(lab.store.leftovers(), 'what stands beside the blobs after cleanup -f').toEqual([]);
  // The same comparison, without a process for each version.
  if (operation.readableOnlyAfter !== true && isPlain(lab)) checkByLooking(lab, oracle);
  else await checkByRestoring(lab, oracle);
}

/** A documented exit code and a reason, or the death that the script asked for. */
export function checkEnd({ code, signal, stdout, stderr }: Result, { codes }: Operation, { fault }: Case): void {
  expect(stdout + stderr, 'a stack trace').not.toMatch(/^\s+at .*:\d+:\d+/m);
  if (signal !== null) {
    expect([signal, fault.action], 'how it ended').toEqual(['SIGKILL', expect.stringMatching(/^kill/)]);
    return;
  }
  expect([0, ...codes], `exit code; it said ${stderr}`).toContain(code);
  if (code !== 0) expect(stderr, 'the reason').toMatch(/^ {3}ERROR: \S/m);
  expect(stderr, 'a reason that was foreseen').not.toContain('Unexpected error');
  // Who is told so may do it, and then has another problem.
  expect(stderr, 'a database that is there').not.toContain('run initdb');
}

/** How a run ended, and the reason that it gave. */
export function endOf({ code, signal, stderr }: Result): string {
  return `${code ?? signal} ${/ERROR: .*/.exec(stderr)?.[0] ?? ''}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A copy of a prepared lab, with the operation's own config. Nothing may write into its blobs. */
export async function copyOf(model: Lab, { config }: Operation): Promise<Lab> {
  const lab = await model.clone('linked');
  if (config !== undefined) lab.configure(config);
  return lab;
}
