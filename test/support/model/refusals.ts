import type { Result } from '../program/process.ts';
import type { Operation } from './operations.ts';

/** A failure documented in docs/commands.md, and when it is justified. */
interface Refusal {
  code: number;
  says: RegExp;
  /** Whether something that overlapped with the operation explains it. */
  isDue(operation: Operation): boolean;
}

const REFUSALS: readonly Refusal[] = [
  { code: 100, says: /Version \S+ is locked\./, isDue: (operation) => hasMet(operation, isAtSameVersion(operation)) },
  { code: 100, says: /Version \S+ not found\./, isDue: (operation) => mayBeGone(operation) },
  {
    code: 100,
    says: /Another backy cleanup is running\./,
    isDue: (operation) => hasMet(operation, ({ kind }) => kind === 'cleanup'),
  },
  {
    code: 100,
    says: /A backy is running which requires exclusive access\./,
    isDue: (operation) => hasMet(operation, ({ kind }) => kind === 'cleanup-full'),
  },
  {
    code: 100,
    says: /Other backy instances are running\./,
    isDue: (operation) => operation.kind === 'cleanup-full' && operation.met.size > 0,
  },
  {
    // A scrub of a version that lacked only its last step, or another continuation.
    code: 100,
    says: /You cannot continue a valid version\./,
    isDue: (operation) => operation.kind === 'continue' && hasMet(operation, isAtSameVersion(operation)),
  },
  { code: 100, says: /You cannot base on an invalid version\./, isDue: (operation) => mayBeGone(operation) },
  {
    code: 20,
    says: /Version is incomplete\./,
    isDue: (operation) => operation.kind === 'scrub' && (operation.was === 'unfinished' || mayBeGone(operation)),
  },
  {
    // An rm that was killed before this one got its lock.
    code: 20,
    says: /it is incomplete\./,
    isDue: (operation) => operation.kind === 'restore' && mayBeGone(operation),
  },
];

/** How an operation ended. */
export type End = 'done' | 'refused' | 'killed' | 'stopped';

/**
 * Classifies the end of an operation.
 * @returns undefined if nothing it met allows such an end: then the program, or the model, is
 * wrong.
 */
export function endOf(operation: Operation, { code, signal, stderr }: Result): End | undefined {
  const { stop } = operation.plan;
  if (signal !== null) {
    if (signal !== stop?.signal) return undefined;
    return signal === 'SIGKILL' ? 'killed' : 'stopped';
  }
  if (/Unexpected error|^\s+at .+:\d+/m.test(stderr)) return undefined;
  if (code === 0) return 'done';
  if (code === 143) return stop?.signal === 'SIGTERM' ? 'stopped' : undefined;
  const isKnown = REFUSALS.some((refusal) => refusal.code === code && refusal.says.test(stderr) && refusal.isDue(operation));
  return isKnown ? 'refused' : undefined;
}

function hasMet(operation: Operation, holds: (other: Operation) => boolean): boolean {
  return [...operation.met].some(holds);
}

function isAtSameVersion(operation: Operation): (other: Operation) => boolean {
  return ({ touches }) => touches.some((version) => operation.touches.includes(version));
}

/**
 * Whether an operation was to remove one of these versions, now or before. While others use a
 * version, the model does not see that it was removed.
 */
function mayBeGone({ touches }: Operation): boolean {
  return touches.some(({ mayGo }) => mayGo);
}
