import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Catalogue } from '../../data/catalogue/catalogue.ts';
import { damagedObject } from '../../data/catalogue/damage.ts';
import { LEAF_BLOCKS, type LeafList, type LeafRow, type ManifestHead } from '../../data/catalogue/types.ts';
import { inOrder } from '../../data/lanes.ts';
import { type CopiedRows, type FillPage, isCopy } from '../../meta/fill-store.ts';
import type { DatedBlockRow } from '../../model/block.ts';
import type { AddedLeaves } from './added-leaves.ts';
import { leafCount } from './leaf-set.ts';
import { asDamage } from './read-heads.ts';

/** Leaves that are read at once. A bucket answers each after some 20 ms. */
const READ_AHEAD = 16;

/** A page has whole leaves of the compact layout, which have 1000 blocks. */
const PAGE_LEAVES = 10;

/** Leaves of a manifest that can't be read. */
export interface LostLeaves {
  /** The blocks that have no row therefore. */
  blocks: number;
  /** The reason for the first of them. */
  reason: string;
}

/**
 * The block rows of a manifest, in order, dated as their version. Leaves that are missing or
 * damaged are left out and counted: see {@link ManifestRows.lost}.
 */
export class ManifestRows {
  /** Undefined: every leaf so far was read. */
  lost: LostLeaves | undefined;
  readonly #catalogue: Catalogue;
  readonly #head: ManifestHead;
  readonly #signal: AbortSignal;

  constructor(catalogue: Catalogue, head: ManifestHead, signal: AbortSignal) {
    this.#catalogue = catalogue;
    this.#head = head;
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<DatedBlockRow> {
    const { date } = this.#head.version;
    for await (const page of this.pages()) for (const row of page) yield { ...row, date };
  }

  /** The same rows by pages of some thousand, without their date. */
  async *pages(): AsyncIterableIterator<readonly LeafRow[]> {
    for await (const page of this.pagesAfter(undefined)) if (!isCopy(page)) yield page;
  }

  /** The same, but leaves that a version before has as well are not read. */
  async *pagesAfter(before: AddedLeaves | undefined): AsyncIterableIterator<FillPage> {
    const list = await this.#list();
    const folder = folderOf(this.#head);
    before?.begin({ versionUid: this.#head.version.uid, folder, list });
    const parts = partsOf(this.#head, list, before);
    const toRead = parts.filter((part) => typeof part === 'number');
    const leaves = inOrder(toRead, READ_AHEAD, (index) => this.#read(folder, index, list[index] as string));
    let page: LeafRow[] = [];
    for (const [place, part] of parts.entries()) {
      this.#signal.throwIfAborted();
      if (typeof part !== 'number') {
        yield part;
        await nextTurn();
        continue;
      }
      for (const row of (await leaves.next()).value ?? []) page.push(row);
      if ((part + 1) % PAGE_LEAVES !== 0 && typeof parts[place + 1] === 'number') continue;
      if (page.length > 0) yield page;
      page = [];
    }
  }

  async #list(): Promise<LeafList> {
    try {
      const list = await this.#catalogue.readList(this.#head, this.#signal);
      if (list.length !== leafCount(this.#head.version.size))
        throw damagedObject(this.#head.list, `is damaged: it has ${list.length} leaves for ${this.#head.version.size} blocks`);
      return list;
    } catch (error) {
      this.#lose(this.#head.version.size, error);
      return [];
    }
  }

  async #read(folder: string, index: number, name: string): Promise<LeafRow[]> {
    if (name === 'empty') return [];
    try {
      return await this.#catalogue.readLeaf(folder, index, name, this.#signal);
    } catch (error) {
      const first = index * LEAF_BLOCKS;
      this.#lose(Math.min(LEAF_BLOCKS, this.#head.version.size - first), error);
      return [];
    }
  }

  /** Only damage counts as a loss: a data backend that does not answer ends the reading. */
  #lose(blocks: number, error: unknown): void {
    const { message } = asDamage(error);
    this.lost = { blocks: (this.lost?.blocks ?? 0) + blocks, reason: this.lost?.reason ?? message };
  }
}

/** A leaf to read, by its number, or rows of several leaves to copy. */
type Part = number | CopiedRows;

function partsOf({ version: { size } }: ManifestHead, list: LeafList, before: AddedLeaves | undefined): Part[] {
  const parts: Part[] = [];
  for (let leaf = 0; leaf < list.length; ) {
    const found = before?.find(leaf);
    const first = leaf * LEAF_BLOCKS;
    if (found === undefined) parts.push(leaf++);
    else {
      leaf += found.leaves;
      parts.push({
        ...{ versionUid: found.versionUid, rows: found.rows },
        blocks: { first, count: Math.min(leaf * LEAF_BLOCKS, size) - first },
      });
    }
  }
  return parts;
}

/** The folder of a manifest's leaves: that of its list. */
export function folderOf({ list }: ManifestHead): string {
  return list.split('/').at(-2) ?? '';
}
