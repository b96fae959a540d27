import type { NbdExport, NbdExports } from './disk.ts';

/** Time for which the export that was found last is not looked up again. */
const RECENT_MS = 1000;

/** Finds exports for one connection. */
export class ExportLookup {
  readonly #exports: Pick<NbdExports, 'find'>;
  #recent: { name: string; found: NbdExport | undefined; untilMs: number } | undefined;

  constructor(exports: Pick<NbdExports, 'find'>) {
    this.#exports = exports;
  }

  /** For a client that opens the export. */
  findNow(name: string): Promise<NbdExport | undefined> {
    return this.#exports.find(name);
  }

  /** For a client that asks about the export. Clients ask several things at once. */
  async find(name: string): Promise<NbdExport | undefined> {
    if (this.#recent?.name === name && performance.now() < this.#recent.untilMs) return this.#recent.found;
    const found = await this.findNow(name);
    this.#recent = { name, found, untilMs: performance.now() + RECENT_MS };
    return found;
  }
}
