import { BackyError } from '../../errors.ts';

/** A stretch of the source of which is known whether it holds data (or changed), as `rbd diff --format=json` tells it. */
export interface Hint {
  /** Bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** False: the stretch is a hole. */
  exists: boolean;
}

/**
 * Reads a hints file: one JSON array of `{offset, length, exists}` (semantics.md, backup 2).
 * Anything else is an error that names the entry. `where` names the file in messages.
 */
export function parseHints(text: string, where: string): Hint[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw badHints(`${where} is not JSON: ${error instanceof Error ? error.message : error}`, error);
  }
  if (!Array.isArray(parsed)) throw badHints(`${where} does not hold a JSON array.`);
  return parsed.map((entry: unknown, index) => toHint(entry, `${where}, entry ${index + 1}`));
}

/** Refuses hints that reach past the end of the source: they belong to another image or another time. */
export function checkHints(hints: readonly Hint[], sizeBytes: number): void {
  for (const [index, { offset, length }] of hints.entries()) {
    if (offset + length <= sizeBytes) continue;
    throw badHints(
      `Hints have higher offsets than source file: entry ${index + 1} reaches to ${offset + length}, the source has ${sizeBytes} bytes.`,
    );
  }
}

/**
 * Hints that can be trusted for a clone: what its parent may have, its first `parentBytes`, is read. Lists of what is in use lack the parent's data
 * with some releases of Ceph, and an object that is gone is a hole to a list of changes, where the parent's data may show again.
 */
export function throughParent(
  hints: readonly Hint[],
  { parentBytes, hasBase }: { parentBytes: number; hasBase: boolean },
): readonly Hint[] {
  if (parentBytes === 0) return hints;
  const read = hints.map((hint) => (hint.offset < parentBytes ? { ...hint, exists: true } : hint));
  // With a base, what no hint touches is the base's.
  return hasBase ? read : [...read, { offset: 0, length: parentBytes, exists: true }];
}

function toHint(entry: unknown, where: string): Hint {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw badHints(`${where} is not an object.`);
  const fields = entry as Record<string, unknown>;
  return {
    offset: toBytes(fields.offset, `"offset" of ${where}`),
    length: toBytes(fields.length, `"length" of ${where}`),
    exists: toExists(fields.exists, where),
  };
}

/**
 * Some releases of rbd write strings. Anything else is a guess, and a wrong one makes zeros of
 * data.
 */
function toExists(value: unknown, where: string): boolean {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  if (value === undefined) throw badHints(`${where} has no "exists".`);
  throw badHints(`"exists" of ${where} is ${JSON.stringify(value)}, neither true nor false.`);
}

function toBytes(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw badHints(`${what} is not a whole number of bytes.`);
}

function badHints(message: string, cause?: unknown): BackyError {
  return new BackyError('hints', message, {
    hint: 'Give the output of: rbd diff --whole-object --format=json, made for this very source.',
    cause,
  });
}
