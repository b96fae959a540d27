import { type Failure, failureDocument } from './failure.ts';
import { JsonDocument } from './json-document.ts';
import { writeOut } from './write-out.ts';

/** Prints help, version, scripts and usage errors; with `--json` as a JSON document. */
export class Printer {
  readonly #document: JsonDocument | undefined;
  #text = '';

  constructor(json: boolean) {
    this.#document = json ? new JsonDocument() : undefined;
  }

  out(text: string): void {
    if (this.#document === undefined) writeOut(1, text);
    else this.#text += text;
  }

  err(text: string): void {
    writeOut(2, text);
  }

  /** Ends the output. @param name the key of the text in a JSON document. */
  finish(name: 'help' | 'version' | 'script'): void {
    const text = this.#text.trim();
    this.#text = '';
    this.#document?.print({ [name]: text });
  }

  /** Ends the output with an error, which is already on stderr. */
  fail({ code, exitCode, message, hint }: Failure): void {
    if (this.#text !== '') writeOut(2, this.#text);
    this.#document?.fail(failureDocument({ code, exitCode, message, hint }));
  }
}
