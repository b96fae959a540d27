import { type JsonValue, jsonText, toJson } from './json.ts';
import { roomOn, writeOut } from './write-out.ts';

/** Output is written in pieces of about this size: one system call per value would be slow. */
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * The one JSON document that a run with `--json` prints on stdout. A failure after a complete
 * document shows only in the exit code and on stderr.
 */
export class JsonDocument {
  #state: 'empty' | 'in an array' | 'complete' = 'empty';
  #items = 0;
  #pending = '';
  #isRead = true;
  readonly #write: (text: string) => boolean;
  readonly #room: () => Promise<void> | undefined;

  /**
   * @param write prints text; returns false if the reader has closed the pipe.
   * @param room waits until the reader has taken it.
   */
  constructor(write = (text: string) => writeOut(1, text), room = (): Promise<void> | undefined => undefined) {
    this.#write = write;
    this.#room = room;
  }

  /** A document on stdout. An array waits for its reader, until `signal` is aborted. */
  static onStdout(signal: AbortSignal): JsonDocument {
    return new JsonDocument(
      (text) => writeOut(1, text),
      () => roomOn(1, signal),
    );
  }

  print(value: JsonValue): void {
    if (this.#state !== 'empty') throw new Error('stdout has its JSON document already');
    this.#state = 'complete';
    for (const piece of jsonText(value, '\n')) this.#add(piece);
    this.#add('\n');
    this.#flush();
  }

  /**
   * Prints an array item by item, one per line, until the items end or the reader closes the pipe.
   * A failure meanwhile becomes the last element: see {@link fail}.
   */
  async printArray(items: AsyncIterable<unknown>): Promise<void> {
    for await (const item of items) {
      this.#append(toJson(item));
      await this.#room();
      if (!this.#isRead) break;
    }
    if (this.#state === 'empty') this.#add('[');
    this.#endArray();
  }

  /** Prints a failure: as the document, or as the last element of an unfinished array. */
  fail(value: JsonValue): void {
    if (this.#state === 'complete') return;
    try {
      if (this.#state === 'empty') this.print(value);
      else {
        this.#append(value);
        this.#endArray();
      }
    } catch {
      // stdout cannot be written, on a full disk for instance. stderr and the exit code still tell.
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
