import type { Kind, Plan } from './plan.ts';

/** A version that some worker has begun, and what the model knows of it. */
export interface Known {
  /** Of this version alone. */
  name: string;
  /** Empty until it is known. */
  uid: string;
  image: Buffer;
  sha256: string;
  /** What it is made of, and how: a continuation gives the same. */
  source: string;
  hints: string | undefined;
  base: Known | undefined;
  /** `begun`: it may not even be in the database. */
  state: 'begun' | 'unfinished' | 'valid' | 'gone';
  /** Somebody has begun to remove it, and since then somebody was at it all the time. */
  mayGo: boolean;
}

/** An operation that runs, or has run. */
export interface Operation {
  worker: number;
  number: number;
  kind: Kind;
  plan: Plan;
  words: string[];
  /** Versions that it makes, reads or removes; the first is what it is about. */
  touches: Known[];
  /** State of that one at the start. */
  was: Known['state'] | undefined;
  /** Operations that ran at some moment of its time. */
  met: Set<Operation>;
}

/** The file that a restore writes. */
export function targetOf({ words }: Operation): string {
  return (words.at(-1) ?? '').slice('file://'.length);
}

/** Operations that run right now, and which of them have met. */
export class Active {
  readonly #operations = new Set<Operation>();

  get count(): number {
    return this.#operations.size;
  }

  begin(operation: Operation): void {
    for (const other of this.#operations) {
      other.met.add(operation);
      operation.met.add(other);
    }
    this.#operations.add(operation);
  }

  end(operation: Operation): void {
    this.#operations.delete(operation);
  }

  /** Whether anybody is at this version. */
  touches(version: Known): boolean {
    return [...this.#operations].some((operation) => operation.touches.includes(version));
  }
}
