import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isKept, putInPlace } from './put-in-place.ts';

/** The device's unit: a sector is written whole or not at all. */
const SECTOR = 512;

/** Fate of the changes that no fsync has covered: all lost, all kept, or some of each. */
export type Rest = 'lost' | 'kept' | 'mixed';

/** A change of a file's bytes that is not durable yet. */
type Change = { offset: number; bytes: Buffer } | { size: number };

/** A file's bytes, or a folder's names. */
interface Node {
  durable: Buffer;
  pending: Change[];
  isFolder: boolean;
  /** Of a folder: changes of its names, oldest first. */
  names: NameChange[];
}

/**
 * Sets a name in a folder, or removes it if there is no node. `from` disappears in the same step,
 * as in a rename.
 */
interface NameChange {
  path: string;
  node: Node | undefined;
  from?: string;
}

/** A change that the program made (fault-journal.c). */
export interface Record {
  type: string;
  inode: number;
  number: number;
  from: string;
  to: string;
  bytes: Buffer;
}

const HEAD_BYTES = 29;

/** The program's changes, in order, without the record it was writing when it was killed. */
export function readJournal(journal: string): Record[] {
  const bytes = existsSync(journal) ? readFileSync(journal) : Buffer.alloc(0);
  const records: Record[] = [];
  for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
    const type = String.fromCharCode(bytes.readUInt8(at));
    const [inode, number] = [Number(bytes.readBigUInt64LE(at + 1)), Number(bytes.readBigUInt64LE(at + 9))];
    const [first = 0, second = 0, count = 0] = [17, 21, 25].map((place) => bytes.readUInt32LE(at + place));
    const start = at + HEAD_BYTES;
    at = start + first + second + count;
    if (at > bytes.length) break;
    const from = bytes.toString('utf8', start, start + first);
    const to = bytes.toString('utf8', start + first, start + first + second);
    records.push({ type, inode, number, from, to, bytes: bytes.subarray(start + first + second, at) });
  }
  return records;
}

/**
 * A tree after a power loss: only what an fsync of a file or folder has covered is sure to be
 * there. A rename is one step, made durable by an fsync of the folder it leads to. Names that were
 * never made durable may be lost in any combination.
 */
export class PowerLoss {
  readonly #root: string;
  readonly #durable = new Map<string, Node>();
  readonly #now = new Map<string, Node>();
  readonly #inodes = new Map<number, Node>();

  /** @param root a folder whose current state is durable, all of it. */
  constructor(root: string, from?: PowerLoss) {
    this.#root = root;
    if (from !== undefined) {
      this.#copyFrom(from);
      return;
    }
    for (const name of readdirSync(root, { recursive: true, encoding: 'utf8' })) this.#addExisting(join(root, name));
    this.#addExisting(root);
  }

  /**
   * A copy to replay into, without changing this one. Nothing may have been replayed into this one.
   */
  copy(): PowerLoss {
    return new PowerLoss(this.#root, this);
  }

  #copyFrom(from: PowerLoss): void {
    const copies = new Map<Node, Node>();
    for (const [inode, node] of from.#inodes) {
      const copy = newNode(node.isFolder, node.durable);
      copies.set(node, copy);
      this.#inodes.set(inode, copy);
    }
    for (const [path, node] of from.#durable) {
      const copy = copies.get(node);
      if (copy === undefined) continue;
      this.#durable.set(path, copy);
      this.#now.set(path, copy);
    }
  }

  /** Replays the first changes of a program. */
  replay(records: readonly Record[]): void {
    for (const record of records) this.#apply(record);
  }

  /** Writes the tree to disk as it is after the power came back. */
  restore(rest: Rest, random: () => number): void {
    const names = new Map(this.#durable);
    const nodes = new Set([...this.#durable.values(), ...this.#now.values(), ...this.#inodes.values()]);
    for (const folder of nodes) for (const change of chosen(folder.names, rest, random)) rename(names, change);
    putInPlace(this.#root, this.#wanted(names, rest, random));
  }

  /**
   * The content below the root: the bytes of each file, `undefined` for a folder. Parents come
   * first.
   */
  #wanted(names: ReadonlyMap<string, Node>, rest: Rest, random: () => number): Map<string, Buffer | undefined> {
    const wanted = new Map<string, Buffer | undefined>([[this.#root, undefined]]);
    for (const [path, node] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (path === this.#root || isKept(this.#root, path)) continue;
      // A name below a folder whose own name was lost is lost with it.
      if (!wanted.has(dirname(path))) continue;
      wanted.set(path, node.isFolder ? undefined : afterLoss(node, rest, random));
    }
    return wanted;
  }

  #addExisting(path: string): void {
    const { ino, mode } = statSync(path);
    const isFolder = (mode & 0o170000) === 0o040000;
    const known = this.#inodes.get(ino);
    const node = known ?? newNode(isFolder, isFolder ? Buffer.alloc(0) : readFileSync(path));
    this.#inodes.set(ino, node);
    this.#durable.set(path, node);
    this.#now.set(path, node);
  }

  #apply({ type, inode, number, from, to, bytes }: Record): void {
    const node = this.#inodes.get(inode);
    // Direct I/O bypasses the page cache, but not the disk's own. The file's length is not durable
    // either.
    if (type === 'w' || type === 'o') node?.pending.push({ offset: number, bytes });
    if (type === 't') node?.pending.push({ size: number });
    if (type === 's' && node !== undefined) this.#sync(node);
    if (type === 'c' || type === 'd') {
      const made = newNode(type === 'd', Buffer.alloc(0));
      this.#inodes.set(inode, made);
      this.#rename({ path: from, node: made });
    }
    if (type === 'u' || type === 'x') this.#rename({ path: from, node: undefined });
    if (type === 'l') this.#rename({ path: to, node: this.#now.get(from) });
    if (type === 'r') this.#rename({ path: to, node: this.#now.get(from), from });
  }

  #rename(change: NameChange): void {
    rename(this.#now, change);
    this.#now.get(dirname(change.path))?.names.push(change);
  }

  #sync(node: Node): void {
    for (const change of node.pending) node.durable = changed(node.durable, change);
    node.pending = [];
    for (const change of node.names) rename(this.#durable, change);
    node.names = [];
  }
}

function newNode(isFolder: boolean, durable: Buffer): Node {
  return { durable, pending: [], isFolder, names: [] };
}

function rename(names: Map<string, Node>, { path, node, from }: NameChange): void {
  if (from !== undefined) names.delete(from);
  if (node === undefined) names.delete(path);
  else names.set(path, node);
}

/**
 * Half of the time the first changes up to some moment, as in a journalling file system; else any
 * of them.
 */
function chosen<T>(changes: readonly T[], rest: Rest, random: () => number): readonly T[] {
  if (rest !== 'mixed') return rest === 'kept' ? changes : [];
  if (random() < 0.5) return changes.slice(0, Math.floor(random() * (changes.length + 1)));
  return changes.filter(() => random() < 0.5);
}

function afterLoss(node: Node, rest: Rest, random: () => number): Buffer {
  let bytes = node.durable;
  for (const change of node.pending) {
    if (rest === 'lost' || (rest === 'mixed' && random() < 0.3)) continue;
    bytes = changed(bytes, rest === 'mixed' && 'bytes' in change && random() < 0.5 ? torn(change, random) : change);
  }
  return bytes;
}

/** The beginning of a write, in whole sectors. */
function torn({ offset, bytes }: { offset: number; bytes: Buffer }, random: () => number): Change {
  return { offset, bytes: bytes.subarray(0, Math.floor((random() * bytes.length) / SECTOR) * SECTOR) };
}

function changed(bytes: Buffer, change: Change): Buffer {
  const size =
    'size' in change ? change.size : Math.max(bytes.length, change.bytes.length === 0 ? 0 : change.offset + change.bytes.length);
  const next = Buffer.alloc(size);
  bytes.copy(next);
  if ('bytes' in change) change.bytes.copy(next, change.offset);
  return next;
}
