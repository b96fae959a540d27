import { ClientFault } from './client-fault.ts';
import type { NbdLimits } from './limits.ts';
import { OPTION } from './numbers.ts';

/** Counts the options of a connection. Each listed export allows some more. */
export class OptionBudget {
  readonly #limits: Pick<NbdLimits, 'options' | 'optionsPerExport' | 'lists'>;
  #options = 0;
  #lists = 0;
  #exports = 0;

  constructor(limits: Pick<NbdLimits, 'options' | 'optionsPerExport' | 'lists'>) {
    this.#limits = limits;
  }

  /** Throws a ClientFault if it was one too many. */
  spend(option: number): void {
    const { options, optionsPerExport, lists } = this.#limits;
    if (option === OPTION.list && ++this.#lists > lists)
      throw new ClientFault(`it asked for the list of exports more than ${lists} times.`);
    const limit = options + this.#exports * optionsPerExport;
    if (++this.#options > limit) throw new ClientFault(`it sent more than ${limit} options and opened no export.`);
  }

  /** The client knows this many exports now. */
  listed(exports: number): void {
    this.#exports = Math.max(this.#exports, exports);
  }
}
