import { BackyError } from '../../errors.ts';

/** A range of the source, as in the output of `rbd diff --format=json`. */
export interface Hint {
  /** Bytes. */
  offset: number;
  /** Bytes. */
  length: number;
  /** True: the range has changed, or holds data. False: it is a hole. */
  exists: boolean;
}

/**
 * Parses a hints file: one JSON array of `{offset, length, exists}` (docs/spec/semantics.md §2.2).
 * @param where the file's name in messages.
 * @throws BackyError `hints` that names the entry.
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

/**
 * Refuses hints that reach beyond the end of the source: they are of another image or another time.
 */
export function checkHints(hints: readonly Hint[], sizeBytes: number): void {
  for (const [index, { offset, length }] of hints.entries()) {
    if (offset + length <= sizeBytes) continue;
    throw badHints(
      `Hints have higher offsets than source file: entry ${index + 1} reaches to ${offset + length}, the source has ${sizeBytes} bytes.`,
    );
  }
}

/** A clone of a snapshot. */
interface Clone {
  /** Bytes from the start that may come from the parent; 0: the image is no clone. */
  parentBytes: number;
  /** Whether the backup has a base version. */
  hasBase: boolean;
}

/**
 * Changes the hints of a clone, so that everything that may come from its parent is read. With some
 * releases of Ceph, lists of used ranges lack the parent's data. In lists of changes, a deleted
 * object is a hole, although the parent's data may show there again.
 */
export function throughParent(hints: readonly Hint[], { parentBytes, hasBase }: Clone): readonly Hint[] {
  if (parentBytes === 0) return hints;
  const read = hints.map((hint) => (hint.offset < parentBytes ? { ...hint, exists: true } : hint));
  // With a base, blocks that no hint touches come from the base.
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
 * Some releases of rbd write strings. Any other value is refused: a wrong guess makes zeros of
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
    hint: 'Give the output of: rbd diff --whole-object --format=json, made for this source.',
    cause,
  });
}
