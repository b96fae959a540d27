import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import type { EncodedLeaf, LeafPayload, LeafRow } from '../../data/catalogue/types.ts';

/** Leaves that are stored together: about 5 MiB. */
const BATCH = 64;

/** Where leaves go. */
interface LeafWriterOptions {
  catalogue: Catalogue;
  folder: string;
  /** Names of leaves that are there already. */
  known: Iterable<string>;
  signal: AbortSignal;
}

/** Encodes leaves of one image, and stores those that are new. */
export class LeafWriter {
  readonly #options: LeafWriterOptions;
  readonly #known: Set<string>;
  #batch: EncodedLeaf[] = [];

  constructor(options: LeafWriterOptions) {
    this.#options = options;
    this.#known = new Set(options.known);
  }

  /** Whether there is a leaf of this name. */
  has(name: string): boolean {
    return this.#known.has(name);
  }

  /** @returns the leaf's name. It is durable after {@link end}. */
  add(index: number, rows: readonly LeafRow[]): Promise<string> {
    return this.#put(this.#options.catalogue.encodeLeaf(index, rows));
  }

  /** The same for rows that are encoded already. */
  addPayload(payload: LeafPayload): Promise<string> {
    return this.#put(this.#options.catalogue.nameLeaf(payload));
  }

  async #put(leaf: EncodedLeaf): Promise<string> {
    if (leaf.payload === undefined || this.#known.has(leaf.name)) return leaf.name;
    this.#known.add(leaf.name);
    if (this.#batch.push(leaf) >= BATCH) await this.end();
    return leaf.name;
  }

  /** Stores the leaves that wait. */
  async end(): Promise<void> {
    const batch = this.#batch.splice(0);
    const { catalogue, folder, signal } = this.#options;
    if (batch.length > 0) await catalogue.putLeaves(folder, batch, signal);
  }
}
