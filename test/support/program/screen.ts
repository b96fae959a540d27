/** A step of a terminal's output: text, a control character, or an escape sequence. */
const STEP = /\u001b\[([0-9?;]*)([A-Za-z])|[\r\n]|[^\u001b\r\n]+/g;

/**
 * A terminal with only the features that the program may use: lines that break at the last column,
 * cursor up and left, erasing. Anything else is an error: a simpler terminal would show garbage.
 */
export class Screen {
  /** Each text that stood in a row without a line feed, with the terminal's width at that time. */
  readonly runs: { text: string; columns: number }[] = [];
  readonly #rows: string[] = [''];
  #columns: number;
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.#columns = columns;
  }

  /** The current rows, without empty ones at the end. */
  get rows(): string[] {
    const last = this.#rows.findLastIndex((row) => row.trimEnd() !== '');
    return this.#rows.slice(0, last + 1);
  }

  /** Changes the width; the content stays as it is. */
  resize(columns: number): void {
    this.#columns = columns;
  }

  write(output: string): void {
    let seen = 0;
    for (const step of output.matchAll(STEP)) {
      if (step.index !== seen) throw new Error(`no escape sequence: ${JSON.stringify(output.slice(seen, seen + 20))}`);
      seen += step[0].length;
      if (step[0] === '\r') this.#column = 0;
      else if (step[0] === '\n') this.#lineFeed();
      else if (step[2] === undefined) this.#print(step[0]);
      else this.#escape(step[1] ?? '', step[2]);
    }
    if (seen !== output.length) throw new Error(`no escape sequence: ${JSON.stringify(output.slice(seen, seen + 20))}`);
  }

  #print(text: string): void {
    this.runs.push({ text, columns: this.#columns });
    for (const letter of text) {
      if (this.#column >= this.#columns) {
        this.#lineFeed();
        this.#column = 0;
      }
      const row = this.#rows[this.#row] ?? '';
      this.#rows[this.#row] = row.slice(0, this.#column).padEnd(this.#column) + letter + row.slice(this.#column + 1);
      this.#column++;
    }
  }

  #lineFeed(): void {
    this.#row++;
    if (this.#row === this.#rows.length) this.#rows.push('');
  }

  #escape(parameter: string, command: string): void {
    const row = this.#rows[this.#row] ?? '';
    const sequence = `${parameter}${command}`;
    if (command === 'A') this.#row = Math.max(0, this.#row - Number(parameter || 1));
    else if (sequence === 'G' || sequence === '1G') this.#column = 0;
    else if (sequence === '2K') this.#rows[this.#row] = '';
    else if (sequence === 'K') this.#rows[this.#row] = row.slice(0, this.#column);
    // Colours, and output that is shown at once.
    else if (command !== 'm' && !/^\?2026[hl]$/.test(sequence)) throw new Error(`unknown escape sequence ${sequence}`);
  }
}
