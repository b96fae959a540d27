import type { Rules } from './rules.ts';

/** The uid of a blob's bytes in the data backend. */
export type Uid = number;

/** A row of backy2_blobs. */
export interface Blob {
  id: number;
  uid: Uid;
  content: number;
  valid: boolean;
}

/** A row of backy2_leaves; it never changes. */
export interface Leaf {
  id: number;
  /** Ids of blobs; 0 is a missing block. */
  entries: readonly number[];
}

/** A version and its references to leaves. */
export interface Version {
  id: number;
  /** The content of each block, by place of the leaf and offset within it. */
  image: readonly (readonly number[])[];
  leaves: (Leaf | undefined)[];
  valid: boolean;
}

/** A row of backy2_candidates. */
export interface Candidate {
  blob: number;
  time: number;
  /** No leaf names the blob, and none may name it again. Or the cleanup that listed it last. */
  mark: 'unused' | number | undefined;
}

/** The database and the data backend. Ids are never used twice. */
export class Tables {
  now = 0;
  readonly blobs = new Map<number, Blob>();
  /** By ascending id. */
  readonly leaves = new Map<number, Leaf>();
  /** Oldest first: neighbours in this list are neighbours in time. */
  readonly versions: Version[] = [];
  /** By blob. */
  readonly candidates = new Map<number, Candidate>();
  cleanups = 0;
  /** Uids that a cleanup is deleting. */
  readonly doomed = new Set<Uid>();
  /** The data backend: the content of each stored uid. */
  readonly bytes = new Map<Uid, number>();
  /** Uids that some transaction has named; others are found only by a full cleanup. */
  readonly known = new Set<Uid>();
  #lastId = 0;

  newId(): number {
    return ++this.#lastId;
  }

  addBlob(uid: Uid, content: number, valid = true): Blob {
    const blob = { id: this.newId(), uid, content, valid };
    this.blobs.set(blob.id, blob);
    this.known.add(uid);
    return blob;
  }

  addLeaf(entries: readonly number[]): Leaf {
    const leaf = { id: this.newId(), entries };
    this.leaves.set(leaf.id, leaf);
    return leaf;
  }

  addCandidate(blob: number, { unlists }: Rules): void {
    const mark = unlists ? undefined : this.candidates.get(blob)?.mark;
    this.candidates.set(blob, { blob, time: this.now, mark });
  }

  /** Whether new entries may name a blob. */
  isUsable(id: number): boolean {
    const blob = this.blobs.get(id);
    return blob !== undefined && !this.doomed.has(blob.uid) && this.candidates.get(id)?.mark !== 'unused';
  }

  isNamed(blob: number): boolean {
    for (const leaf of this.leaves.values()) if (leaf.entries.includes(blob)) return true;
    return false;
  }
}
