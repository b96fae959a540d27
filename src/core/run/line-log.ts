import type { Readable } from 'node:stream';

/** Characters of a line that are logged. */
const LONGEST = 2_000;
/** Lines that are logged. */
const MOST = 1_000;

/** Splits the output of a command into lines. Cuts long lines, and drops lines after many. */
export class LineLog {
  readonly #say: (line: string) => void;
  #count = 0;

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Logs what comes from `stream`; its last line may lack a line feed. */
  read(stream: Readable | null): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      // A line without an end must not fill the memory.
      rest = (lines.pop() ?? '').slice(0, LONGEST + 1);
      for (const line of lines) this.#add(line);
    });
    stream?.on('error', () => {});
    const flush = () => {
      if (rest !== '') this.#add(rest);
      rest = '';
    };
    // Without an end, if a daemon keeps the stream open.
    stream?.on('end', flush).on('close', flush);
  }

  #add(line: string): void {
    this.#count++;
    if (this.#count <= MOST) this.#say(line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line.replace(/\r$/, ''));
    else if (this.#count === MOST + 1) this.#say('… more output is not logged.');
  }
}
