import { shorten } from '../output/shorten.ts';

/** Longer than the room of any launcher. Spaces, since they are visible for a moment. */
const MORE_THAN_ROOM = ' '.repeat(8192);

/** The title in the process list: `backy2 [status]`. */
export class ProcessTitle {
  readonly #name: string;
  /** Bytes. Node cuts a title to the length of the original command line. */
  readonly #room: number;

  constructor(name: string) {
    this.#name = name;
    process.title = name + MORE_THAN_ROOM;
    this.#room = Buffer.byteLength(process.title);
    process.title = name;
  }

  /**
   * Shows a status text. If it is too long, shortens the subject: the numbers are at the end.
   * @param text returns the status text about a subject.
   */
  show(what: string, text: (what: string) => string): void {
    const excess = Buffer.byteLength(this.#titled(text(what))) - this.#room;
    const fitting = excess > 0 ? shorten(what, Buffer.byteLength(what) - excess, Buffer.byteLength) : what;
    process.title = this.#titled(text(fitting));
  }

  #titled(text: string): string {
    return `${this.#name} [${text}]`;
  }
}
