import type { Kind, Plan } from './plan.ts';

/** A version that some worker has begun, as the model knows it. */
export interface Known {
  /** Unique to this version. */
  name: string;
  /** Empty until it is known. */
  uid: string;
  image: Buffer;
  sha256: string;
  /** Its source and options; a continuation uses the same. */
  source: string;
  hints: string | undefined;
  base: Known | undefined;
  /** `begun`: possibly not in the database yet. */
  state: 'begun' | 'unfinished' | 'valid' | 'gone';
  /** Some worker has begun to remove it, and it has been in use ever since. */
  mayGo: boolean;
}

/** An operation that runs or has run. */
export interface Operation {
  worker: number;
  number: number;
  kind: Kind;
  plan: Plan;
  words: string[];
  /** Versions that it makes, reads or removes; its subject comes first. */
  touches: Known[];
  /** State of its subject at the start. */
  was: Known['state'] | undefined;
  /** Operations that overlapped with it in time. */
  met: Set<Operation>;
}

/** The file that a restore writes. */
export function targetOf({ words }: Operation): string {
  return (words.at(-1) ?? '').slice('file://'.length);
}

/** Operations that run right now, and which of them have overlapped. */
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

  /** Whether an operation uses this version. */
  touches(version: Known): boolean {
    return [...this.#operations].some((operation) => operation.touches.includes(version));
  }
}
