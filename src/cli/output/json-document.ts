import { writeOut } from '../log/console-log.ts';
import { type JsonValue, jsonText, toJson } from './json.ts';

/** Text is written in pieces of about so many characters: a system call a value would be slow. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * The one JSON document that a run with `--json` puts on stdout, whatever happens. What comes first counts: once a
 * result is out, a failure after it is told by the exit code and stderr alone.
 */
export class JsonDocument {
  #state: 'empty' | 'in an array' | 'complete' = 'empty';
  #items = 0;
  #pending = '';
  #isRead = true;
  readonly #write: (text: string) => boolean;

  /** @param write puts text on stdout at once; false when nobody reads it any more. */
  constructor(write = (text: string) => writeOut(1, text)) {
    this.#write = write;
  }

  /** Prints a whole document. */
  print(value: JsonValue): void {
    if (this.#state !== 'empty') throw new Error('stdout has its JSON document already');
    this.#state = 'complete';
    for (const piece of jsonText(value, '\n')) this.#add(piece);
    this.#add('\n');
    this.#flush();
  }

  /**
   * Prints an array of items as they come, one a line, until they end or nobody reads them any more. A failure on the way becomes its last
   * element: see {@link fail}.
   */
  async printArray(items: AsyncIterable<unknown>): Promise<void> {
    for await (const item of items) {
      this.#append(toJson(item));
      if (!this.#isRead) break;
    }
    if (this.#state === 'empty') this.#add('[');
    this.#endArray();
  }

  /** Prints what a failed run says: as the document, or as the last element of an array that was begun. */
  fail(value: JsonValue): void {
    if (this.#state === 'complete') return;
    try {
      if (this.#state === 'empty') this.print(value);
      else {
        this.#append(value);
        this.#endArray();
      }
    } catch {
      // stdout can't be written (a full disk); stderr and the exit code have to do.
    }
  }

  #append(item: JsonValue): void {
    this.#state = 'in an array';
    this.#add(this.#items++ === 0 ? '[\n  ' : ',\n  ');
    for (const piece of jsonText(item)) this.#add(piece);
  }

  #endArray(): void {
    this.#state = 'complete';
    this.#add(this.#items === 0 ? ']\n' : '\n]\n');
    this.#flush();
  }

  #add(text: string): void {
    this.#pending += text;
    if (this.#pending.length >= CHUNK_CHARACTERS) this.#flush();
  }

  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (!this.#write(text)) this.#isRead = false;
  }
}
