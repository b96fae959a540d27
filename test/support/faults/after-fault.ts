import { expect } from 'vitest';
import type { Lab } from '../labs/lab.ts';
import type { Result } from '../program/process.ts';
import { checkCatalogue } from './check-catalogue.ts';
import { checkByLooking, checkByRestoring } from './check-valid.ts';
import type { Calls } from './fault-layer.ts';
import type { Case } from './faults.ts';
import type { Operation } from './operations.ts';
import type { Ready } from './ready-stores.ts';

/** A prepared operation, with the calls it makes when nothing fails. */
export interface Counted extends Ready {
  operation: Operation;
  calls: Calls;
}

/** Checks the store right after a fault, before any other command runs. */
export async function look(lab: Lab, counted: Counted, isDone: boolean): Promise<void> {
  const { operation, oracle } = counted;
  if (operation.readableOnlyAfter !== true) {
    checkByLooking(lab, oracle);
    await checkCatalogue(lab, counted);
  }
  if (isDone) operation.done(lab, oracle);
}

/** Checks the store after a fault, then does what a user would do next, and checks again. */
export async function checkAndFinish(lab: Lab, counted: Counted, isDone: boolean): Promise<void> {
  const { operation, oracle } = counted;
  await look(lab, counted, isDone);
  await operation.finish(lab);
  operation.done(lab, oracle);
  if (operation.readableOnlyAfter !== true) await checkCatalogue(lab, counted);
  await lab.ok('cleanup', '-f', '--yes-delete', '1000000');
  expect(lab.store.leftovers(), 'what stands beside the blobs after cleanup -f').toEqual([]);
  // The same comparison, without one process per version.
  if (operation.readableOnlyAfter !== true && lab.isPlain()) checkByLooking(lab, oracle);
  else await checkByRestoring(lab, oracle);
}

/** Checks the end of a run: a documented exit code and a reason, or the scripted death. */
export function checkEnd({ code, signal, stdout, stderr }: Result, { codes }: Operation, { fault }: Case): void {
  expect(stdout + stderr, 'a stack trace').not.toMatch(/^\s+at .*:\d+:\d+/m);
  if (signal !== null) {
    expect([signal, fault.action], 'how it ended').toEqual(['SIGKILL', expect.stringMatching(/^kill/)]);
    return;
  }
  expect([0, ...codes], `exit code; it said ${stderr}`).toContain(code);
  if (code !== 0) expect(stderr, 'the reason').toMatch(/^ {3}ERROR: \S/m);
  expect(stderr, 'a reason that was foreseen').not.toContain('Unexpected error');
  // Following this hint would give the user a second problem.
  expect(stderr, 'a database that is there').not.toContain('run initdb');
}

/** Tells how a run ended, with the reason it printed. */
export function endOf({ code, signal, stderr }: Result): string {
  return `${code ?? signal} ${/ERROR: .*/.exec(stderr)?.[0] ?? ''}`;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Copies a prepared lab, with the operation's own config. Blobs are hard links: do not write to
 * them.
 */
export async function copyOf(model: Lab, { config }: Operation): Promise<Lab> {
  const lab = await model.clone('linked');
  if (config !== undefined) lab.configure(config);
  return lab;
}
