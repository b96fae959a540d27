import { callOf, type Recording, type Statement } from './recording.ts';

/** One place where this program must differ from the recording. */
export interface Difference {
  recording: string;
  /** The call; for state and files, the call before they were looked at. */
  call: number;
  /** The line of the specification that demands it. */
  reason: string;
  exitCode?: number;
  /** The expected stdout, made from the recorded one; `of` returns the output of another call. */
  stdout?: (recorded: string, of: (call: number) => string) => string;
  /** The expected rows of a query. */
  state?: { query?: RegExp; rows: (recorded: string[][], columns: string[]) => string[][] };
  /** The expected output of a shell command or a comparison of files. */
  files?: { command: RegExp; says: (recorded: string) => string };
}

type Aspect = 'exitCode' | 'stdout' | 'state' | 'files';
const ASPECTS: Aspect[] = ['exitCode', 'stdout', 'state', 'files'];

/**
 * The differences of one recording. Remembers which ones were met: a difference that changes
 * nothing must not be listed.
 */
export class Differences {
  private readonly recording: Recording;
  private readonly all: readonly Difference[];
  private readonly met = new Map<Difference, Set<Aspect>>();

  constructor(all: readonly Difference[], recording: Recording) {
    this.recording = recording;
    this.all = all.filter((difference) => difference.recording === recording.name);
  }

  exitCode(call: number, recorded: number | string): number | string {
    return this.apply(call, 'exitCode', recorded, ({ exitCode }) => exitCode);
  }

  stdout(call: number, recorded: string): string {
    const of = (other: number) => callOf(this.recording, other).stdout;
    return this.apply(call, 'stdout', recorded, ({ stdout }, so) => stdout?.(so, of));
  }

  rows(call: number, { sql, columns, rows }: Statement): string[][] {
    return this.apply(call, 'state', rows, ({ state }, so) =>
      state && (state.query?.test(sql) ?? true) ? state.rows(so, columns) : undefined,
    );
  }

  files(call: number, command: string, recorded: string): string {
    return this.apply(call, 'files', recorded, ({ files }, so) => (files?.command.test(command) ? files.says(so) : undefined));
  }

  /** Listed differences that the replay did not need. */
  unmet(): string[] {
    return this.all.flatMap((difference) =>
      ASPECTS.filter((aspect) => difference[aspect] !== undefined && !this.met.get(difference)?.has(aspect)).map(
        (aspect) => `#${difference.call} ${aspect}: ${difference.reason}`,
      ),
    );
  }

  private apply<T>(call: number, aspect: Aspect, recorded: T, change: (difference: Difference, so: T) => T | undefined): T {
    let wanted = recorded;
    for (const difference of this.all) {
      if (difference.call !== call) continue;
      const changed = change(difference, wanted);
      if (changed === undefined || JSON.stringify(changed) === JSON.stringify(wanted)) continue;
      this.met.set(difference, (this.met.get(difference) ?? new Set()).add(aspect));
      wanted = changed;
    }
    return wanted;
  }
}
