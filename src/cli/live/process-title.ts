import { shorten } from '../output/shorten.ts';

/** Longer than any launcher's room; blanks, since whoever looks at that moment sees them. */
const MORE_THAN_ROOM = ' '.repeat(8192);

/** The title in the process list: `backy2 [what it does]`. */
export class ProcessTitle {
  readonly #name: string;
  /** Bytes: Node cuts a title to the length of the words that the program was started with. */
  readonly #room: number;

  constructor(name: string) {
    this.#name = name;
    process.title = name + MORE_THAN_ROOM;
    this.#room = Buffer.byteLength(process.title);
    process.title = name;
  }

  /** Shows a text about something; where both do not fit, the middle of that something gives way, since the numbers stand at the end. */
  show(what: string, text: (what: string) => string): void {
    const excess = Buffer.byteLength(this.#titled(text(what))) - this.#room;
    const fitting = excess > 0 ? shorten(what, Buffer.byteLength(what) - excess, Buffer.byteLength) : what;
    process.title = this.#titled(text(fitting));
  }

  #titled(text: string): string {
    return `${this.#name} [${text}]`;
  }
}
