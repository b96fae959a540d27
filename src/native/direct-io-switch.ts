import { BackyError, type ErrorCode } from '../errors.ts';

/** Whether to bypass the page cache: if the file system allows it, always (else fail), never. */
export type DirectIoMode = 'auto' | 'on' | 'off';

/** The words of the error when direct I/O is demanded and refused. */
interface DirectIoOwner {
  /** For example: `The file system of the data backend`. */
  what: string;
  code: ErrorCode;
  /** Section of backy.cfg with the option. */
  section: string;
}

/**
 * Decides on direct I/O once for all transfers of an owner. A refusal of one transfer stands for
 * all that follow.
 */
export class DirectIoSwitch {
  readonly mode: DirectIoMode;
  readonly #owner: DirectIoOwner;
  #isOn: boolean;

  constructor(mode: DirectIoMode, owner: DirectIoOwner) {
    this.mode = mode;
    this.#owner = owner;
    this.#isOn = mode !== 'off';
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Notes that the system refused it. @throws BackyError if the option demands it, each time. */
  refused(cause?: unknown): void {
    if (this.mode !== 'on') {
      this.#isOn = false;
      return;
    }
    const { what, code, section } = this.#owner;
    throw new BackyError(code, `${what} refuses direct I/O.`, { hint: `Set direct_io: auto in section ${section}.`, cause });
  }
}
