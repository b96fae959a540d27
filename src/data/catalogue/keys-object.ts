import { createHash } from 'node:crypto';
import { BackyError } from '../../errors.ts';
import type { ObjectStore } from '../object-store.ts';
import { damagedObject } from './damage.ts';
import type { KeyWrap } from './key-wraps.ts';
import { KEY_COPIES, KEY_OBJECTS, KEYS, keyCopyName } from './names.ts';

const FORMAT = 1;

/** The wraps of the catalogue key that a data backend has. */
export interface FoundWraps {
  /** `lost`: the object `keys` is, but there are copies. `unread`: it may not be read, the same. */
  state: 'none' | 'whole' | 'lost' | 'unread';
  wraps: KeyWrap[];
  /** Names of the copies. */
  copies: string[];
  /** Why `keys` is `unread`. */
  failure?: unknown;
}

/**
 * Finds the wraps in the object `keys`, or else those by master keys in names of objects
 * (docs/spec/formats.md §10): a host may list objects that it may not read.
 * @throws BackyError `catalogueDamaged`, or the failure of the data backend, if there is neither.
 */
export async function findWraps(objects: ObjectStore): Promise<FoundWraps> {
  const names: string[] = [];
  for await (const name of objects.list(KEY_OBJECTS)) names.push(name);
  const copies = names.filter((name) => name.startsWith(KEY_COPIES));
  const wraps = copies.map(fromCopy);
  if (!names.includes(KEYS)) return { state: copies.length === 0 ? 'none' : 'lost', wraps, copies };
  try {
    return { state: 'whole', wraps: await readWraps(objects), copies };
  } catch (error) {
    if (copies.length === 0 || !(error instanceof BackyError)) throw error;
    return error.code === 'catalogueDamaged'
      ? { state: 'lost', wraps, copies }
      : { state: 'unread', wraps, copies, failure: error };
  }
}

/**
 * The same for a caller that replaces them: wraps by recovery keys must not get lost.
 * @throws BackyError why the object `keys` can't be read.
 */
export async function findAllWraps(objects: ObjectStore): Promise<FoundWraps> {
  const found = await findWraps(objects);
  if (found.state === 'unread') throw found.failure;
  return found;
}

/** Whether the object `keys` is there, and a copy of each wrap by a master key. */
export function isComplete({ state, wraps, copies }: FoundWraps): boolean {
  return state === 'whole' && wraps.every((wrap) => wrap.by !== 'master' || copies.includes(keyCopyName(wrap)));
}

/** Stores these wraps instead of those before. Each moment leaves old or new ones. */
export async function storeWraps(objects: ObjectStore, wraps: readonly KeyWrap[]): Promise<void> {
  const copies = wraps.filter(({ by }) => by === 'master').map(keyCopyName);
  await objects.put(copies.map((name) => ({ name, bytes: Buffer.from('copy\n') })));
  await objects.put([{ name: KEYS, bytes: Buffer.from(linesOf(JSON.stringify({ format: FORMAT, wraps }))) }]);
  const old: string[] = [];
  for await (const name of objects.list(KEY_COPIES)) if (!copies.includes(name)) old.push(name);
  if (old.length > 0) await objects.delete(old);
}

/** A line of JSON, and one with its SHA-256 in hex. */
async function readWraps(objects: ObjectStore): Promise<KeyWrap[]> {
  const bytes = await objects.get(KEYS);
  if (bytes === undefined) throw damagedObject(KEYS, 'is missing');
  const text = Buffer.from(bytes).toString('latin1');
  const [json = ''] = text.split('\n');
  if (text !== linesOf(json)) throw damagedObject(KEYS, 'is damaged: its digest is another one');
  const { format, wraps } = parse(json);
  if (format !== FORMAT) throw damagedObject(KEYS, `has format ${String(format)}, which this release does not know`);
  if (!Array.isArray(wraps) || !wraps.every(isWrap)) throw damagedObject(KEYS, 'has no wraps');
  return wraps;
}

/** Anybody may have written it: its digest needs no key. */
function parse(json: string): { format?: unknown; wraps?: unknown } {
  try {
    return Object(JSON.parse(json));
  } catch (error) {
    throw damagedObject(KEYS, 'is no JSON', error);
  }
}

function isWrap(value: unknown): value is KeyWrap {
  const { by, fingerprint, wrapped } = Object(value);
  return [by, fingerprint, wrapped].every((field) => typeof field === 'string');
}

function linesOf(json: string): string {
  return `${json}\n${createHash('sha256').update(json).digest('hex')}\n`;
}

function fromCopy(name: string): KeyWrap {
  const [fingerprint = '', wrapped = ''] = name.slice(KEY_COPIES.length).split('-');
  return { by: 'master', fingerprint, wrapped };
}
