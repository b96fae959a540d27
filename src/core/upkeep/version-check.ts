import { setImmediate as nextTurn } from 'node:timers/promises';
import { BackyError } from '../../errors.ts';
import type { Damage } from '../../meta/integrity-store.ts';
import type { BlockRow } from '../../model/block.ts';
import type { BlockRange } from '../../model/block-range.ts';
import type { Geometry } from '../../model/geometry.ts';
import type { TaggedVersion } from '../../model/version.ts';
import type { Context } from '../context.ts';
import type { Findings } from './findings.ts';
import { fitsBlockSize, problemOfRow, type RowProblem } from './row-problems.ts';

/** Rows in memory at a time. */
const PAGE_ROWS = 5_000;

/** Receivers of what a check finds. */
interface CheckReports {
  findings: Findings;
  /** Called with numbers of rows that were checked. A throw ends the check. */
  onRows(rows: number): void;
}

/** How the rows of a version are. */
interface CheckedRows {
  rows: number;
  /** False: blocks can't be read, or not as what they were. */
  isReadable: boolean;
}

/** Checks all rows of a version, which MUST be locked. */
export class VersionCheck {
  readonly #context: Context;
  readonly #version: TaggedVersion;
  readonly #findings: Findings;
  readonly #onRows: (rows: number) => void;
  /** Undefined until a row shows the length of the blocks. */
  #geometry: Geometry | undefined;
  /** The first block that was not seen yet. */
  #next = 0;
  #isReadable = true;

  constructor(context: Context, version: TaggedVersion, { findings, onRows }: CheckReports) {
    this.#context = context;
    this.#version = version;
    this.#findings = findings;
    this.#onRows = onRows;
    const { size, sizeBytes } = version;
    if (size === 1) this.#geometry = { blockSize: sizeBytes, sizeBytes };
  }

  async run(): Promise<CheckedRows> {
    const { meta, signal } = this.#context;
    const { uid, size, sizeBytes } = this.#version;
    if (size < 0 || (size === 0) !== (sizeBytes === 0) || size > sizeBytes)
      this.#findings.add(this.#version, { problem: 'version', detail: `it can't have ${size} blocks and ${sizeBytes} bytes` });
    for (const damage of await meta.checkVersion(uid)) this.#addDamage(damage);
    let rows = 0;
    for (let after: number | undefined = -1; after !== undefined && after < size - 1; ) {
      await nextTurn();
      signal.throwIfAborted();
      const page = await meta.checkedPage(uid, after, PAGE_ROWS);
      rows += page.rows.length;
      this.#onRows(page.rows.length);
      this.#checkPage(page.rows, page.damage);
      after = page.after;
    }
    this.#reach(size);
    await this.#checkIds().catch((error: unknown) => {
      // The damage that it meets is known already.
      if (this.#isReadable || !(error instanceof BackyError && error.code === 'database')) throw error;
    });
    return { rows, isReadable: this.#isReadable };
  }

  /** Both are in the order of ids. */
  #checkPage(rows: readonly BlockRow[], damage: readonly Damage[]): void {
    let next = 0;
    for (const row of rows) {
      for (; damage[next] !== undefined && startOf(damage[next]) < row.id; next++) this.#addDamage(damage[next]);
      if (row.id < this.#next || row.id >= this.#version.size) continue;
      this.#pass({ first: row.id, count: 1 });
      this.#checkRow(row);
    }
    for (const rest of damage.slice(next)) this.#addDamage(rest);
  }

  #addDamage(damage: Damage | undefined): void {
    if (damage === undefined) return;
    this.#isReadable = false;
    if (damage.range !== undefined) this.#pass(damage.range);
    this.#findings.add(this.#version, damage);
  }

  #checkRow(row: BlockRow): void {
    this.#learn(row);
    const found = problemOfRow(row, this.#geometry, this.#version.valid) ?? this.#misfit(row);
    if (found !== undefined) this.#findings.add(this.#version, { ...found, range: { first: row.id, count: 1 } });
  }

  /** A problem of a row before the first one that shows the length of blocks. */
  #misfit({ id, uid, size }: BlockRow): RowProblem | undefined {
    if (this.#geometry !== undefined || id >= this.#version.size - 1 || (uid === null && size === 0)) return undefined;
    return { problem: 'size', detail: `blocks of ${size} bytes do not make a version of this size` };
  }

  /** All blocks but the last have the same length, which the database does not store. */
  #learn({ id, size: blockSize }: BlockRow): void {
    const { size, sizeBytes } = this.#version;
    if (this.#geometry !== undefined || id >= size - 1 || !fitsBlockSize(this.#version, blockSize)) return;
    this.#geometry = { blockSize, sizeBytes };
  }

  #pass({ first, count }: BlockRange): void {
    this.#reach(first);
    this.#next = Math.max(this.#next, first + count);
  }

  /** A backup that has not finished lacks rows; a valid version must not. */
  #reach(id: number): void {
    const range = { first: this.#next, count: id - this.#next };
    if (range.count > 0 && this.#version.valid)
      this.#findings.add(this.#version, { range, problem: 'missing', detail: 'the database has no row' });
    this.#next = Math.max(this.#next, id);
  }

  async #checkIds(): Promise<void> {
    const { stray, examples } = await this.#context.meta.checkIds(this.#version.uid, this.#version.size);
    if (stray === 0) return;
    const named = examples.map((id) => JSON.stringify(id).slice(1, -1)).join(', ');
    this.#findings.add(this.#version, { problem: 'ids', detail: `${stray} rows have ids that no block of it has (${named})` });
  }
}

function startOf(damage: Damage | undefined): number {
  return damage?.range?.first ?? -1;
}
