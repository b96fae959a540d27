import { callOf, type Recording, type Statement } from './recording.ts';

/** One place where this program is to do something else than the recording shows. */
export interface Difference {
  recording: string;
  /** The call; for state and files: the call that they were looked at after. */
  call: number;
  /** The line of the specification that wants it. */
  reason: string;
  exitCode?: number;
  /** What is wanted on stdout, made from what was recorded; `of` tells what another call printed. */
  stdout?: (recorded: string, of: (call: number) => string) => string;
  /** What a query has to give. */
  state?: { query?: RegExp; rows: (recorded: string[][], columns: string[]) => string[][] };
  /** What a shell command or a comparison of files has to say. */
  files?: { command: RegExp; says: (recorded: string) => string };
}

type Aspect = 'exitCode' | 'stdout' | 'state' | 'files';
const ASPECTS: Aspect[] = ['exitCode', 'stdout', 'state', 'files'];

/** The differences of one recording. Remembers which of them were met: one that changes nothing has no place in the list. */
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

  /** What the list says and the replay did not need. */
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
