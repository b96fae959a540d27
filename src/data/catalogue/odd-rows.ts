import type { KeyBatch } from '../codec/key-batch.ts';
import type { LeafRow } from './types.ts';

/** Why no leaf has such bytes. */
export class LeafProblem extends Error {}

/** A row without its id. */
type OddRow = Omit<LeafRow, 'id'>;

const WRAPPED_KEY = /^[0-9a-f]{80}$/i;
const FIELDS = 8;

/**
 * The text of rows that no class fits: a JSON array of arrays, whose last field says whether the
 * key is a data key. Other texts of a key stay as they are: no master key that is known opens them.
 */
export function encodeOdd(rows: readonly OddRow[], batch: KeyBatch | undefined): Buffer {
  if (rows.length === 0) return Buffer.alloc(0);
  const fields = rows.map(({ uid, checksum, size, encVersion, envKey, nonce, valid }) => {
    const dataKey = batch === undefined ? undefined : unwrapped(envKey, batch);
    return [uid, checksum, size, encVersion, dataKey ?? envKey, nonce, valid, dataKey !== undefined];
  });
  return Buffer.from(JSON.stringify(fields));
}

/** The inverse of {@link encodeOdd}. @throws LeafProblem */
export function decodeOdd(bytes: Buffer, batch: KeyBatch | undefined): OddRow[] {
  if (bytes.length === 0) return [];
  try {
    const rows: unknown[] = JSON.parse(bytes.toString());
    return rows.map((row) => toRow(row, batch));
  } catch (error) {
    throw new LeafProblem('a wrong text of odd rows', { cause: error });
  }
}

function toRow(row: unknown, batch: KeyBatch | undefined): OddRow {
  if (!Array.isArray(row) || row.length !== FIELDS) throw new Error(`no ${FIELDS} fields`);
  const [uid, checksum, size, encVersion, key, nonce, valid, isDataKey] = row;
  if (isDataKey !== true) return { uid, checksum, size, encVersion, envKey: key, nonce, valid };
  if (batch === undefined) throw new Error('a data key without a key to wrap it with');
  const envKey = batch.wrap(Buffer.from(key, 'hex')).toString('hex');
  return { uid, checksum, size, encVersion, envKey, nonce, valid };
}

/** The data key in hex; undefined if the master key does not open it. */
function unwrapped(envKey: string | null, batch: KeyBatch): string | undefined {
  if (envKey === null || !WRAPPED_KEY.test(envKey)) return undefined;
  const { keys, misfits } = batch.unwrap(Buffer.from(envKey, 'hex'));
  return misfits.length === 0 ? keys.toString('hex') : undefined;
}
