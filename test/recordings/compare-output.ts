import { Names } from './names.ts';
import type { Result } from './run-binary.ts';
import type { Compared } from './state.ts';
import { withoutDurations } from './stats-rows.ts';
import { tableLines } from './table.ts';
import type { World } from './world.ts';

/** Log lines that docs/spec/command-line.md quotes, because scripts parse them. */
const PHRASES = /(?:New version: \S+ \(Tags: .*|Removed backup version \S+ with \d+ blocks\.)$/gm;

/**
 * The part of stdout that programs read: all of it with `-m`, else tables. Undefined if there is
 * none.
 */
export function compareOutput(world: World, argv: string[], wanted: string, stdout: string): Compared | undefined {
  const [recorded, printed] = [wanted, stdout].map((text) => withoutDurations(argv, text)) as [string, string];
  if (isMachineOutput(argv)) return compareTexts(world, recorded, printed);
  const [expected, actual] = [tableLines(recorded), tableLines(printed)];
  if (expected.length === 0 && actual.length === 0) return undefined;
  return compareTexts(world, expected.join('\n'), actual.join('\n'));
}

/** The quoted log lines. They also reveal the uids of new versions. */
export function comparePhrases(world: World, wanted: string, stdout: string): Compared {
  return compareTexts(world, phrases(wanted), phrases(stdout));
}

/** The rules of docs/spec/command-line.md §2 for every run that got as far as its log. */
export function streamRules(argv: string[], { rc, stdout, stderr }: Result): { actual: string; expected: string }[] {
  const rules = [];
  const printsOnly = argv.some((word) => /^(-V|--version|-h|--help)$/.test(word));
  if (rc === 0 && !isMachineOutput(argv) && !printsOnly)
    rules.push({ actual: lastLine(stdout), expected: '    INFO: Backy complete.' });
  if (FAILS_LOUDLY.includes(rc)) rules.push({ actual: lastLine(stderr), expected: '   ERROR: Backy failed.' });
  if (!argv.includes('-d')) rules.push({ actual: STACK.exec(stderr)?.[0] ?? 'no stack', expected: 'no stack' });
  return rules;
}

/** Exit codes of operations; 1 and 2 can also come before there is a log. */
const FAILS_LOUDLY: (number | string)[] = [5, 6, 20, 22, 23, 100];
const STACK = /^\s+at .*$/m;

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}

function phrases(stdout: string): string {
  return [...stdout.matchAll(PHRASES)].map(([phrase]) => phrase).join('\n');
}

function compareTexts(world: World, wanted: string, stdout: string): Compared {
  const expected = world.recordedDates(Names.recordedText(wanted));
  const actual = world.actualDates(world.names.toRecorded(stdout, wanted));
  return { expected: expected.split('\n'), actual: actual.split('\n') };
}

/** `-m` among the global options, alone or in a cluster such as `-mc`. */
function isMachineOutput(argv: string[]): boolean {
  for (const word of argv) {
    if (/^-[vdsr]*m/.test(word)) return true;
    if (!/^-|\.cfg$/.test(word)) return false;
  }
  return false;
}
