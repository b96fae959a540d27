import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { Names } from './names.ts';
import type { ShellCommand } from './recording.ts';
import type { World } from './world.ts';

/** How a recorded shell command is handled, and which output counts. */
interface Rule {
  command: RegExp;
  /** Absent: the command is not run, for the reason `why`. */
  counts?: (output: string) => string;
  why?: string;
}

const whole = (output: string) => output;
const firstLine = (output: string) => output.split('\n')[0] ?? '';

const RULES: Rule[] = [
  { command: /^cat /, why: 'shows a file that the recorder wrote; see writtenFile' },
  { command: /^tr .*\/proc\//, why: 'the process is gone; test/process/process-title.test.ts looks at one' },
  { command: /^sh -c 'backy2/, why: 'no program of that name here; test/process/log.test.ts has its own' },
  { command: /^rm .*data;/, why: '22-logging.test.ts does what counts of it' },
  { command: /^ls -la |^ls -la;/, why: 'sizes and times of the host' },
  { command: /\.schema$/, why: 'what becomes of old databases is compared in test/long/upgrade.test.ts' },
  { command: /^head -c \d+ .*\.csv \| cut/, why: 'shows a file that is imported next' },
  { command: /^od -c /, why: 'what it shows is compared as text where it is exported' },
  { command: /^du -k /, why: 'how holes are counted is up to the file system' },
  { command: /^find data -type f \| sed/, why: 'the blobs are compared through the database' },
  { command: /^(mv|find data -name '\*\.blob' \| head -1)/, counts: whole },
  { command: /^find data -type f -printf '%f %s/, counts: sizesAlone },
  { command: /^find data -type f$/, counts: withoutBlobNames },
  // The number of folders depends on common prefixes of blob uids.
  { command: /^find data -name .*\| wc -l; find data -type d/, counts: firstLine },
  { command: /^find data .*\| wc -l/, counts: whole },
  { command: /^ls -l |^xxd out/, counts: withoutOwners },
  { command: /^cut /, counts: (output) => output.replaceAll('\r', '') },
  { command: /^(ls locks|xxd|cmp)/, counts: withoutLineNumbers },
];

/** The expected and actual output of a shell command; undefined if it is not to be compared. */
export function compareShell(world: World, { command }: ShellCommand, wanted: string) {
  const rule = RULES.find((candidate) => candidate.command.test(command));
  if (!rule) throw new Error(`no rule for the shell command: ${command}`);
  if (!rule.counts) return undefined;
  // `cmp` and `ls` may fail; their output matters.
  const printed = execFileSync('sh', ['-c', `{ ${withoutCatalogue(command)}; } 2>&1 || true`], {
    cwd: world.folder,
    encoding: 'utf8',
    // The recorder's folder; arguments of calls contain it literally.
    env: { ...process.env, LAB: '$LAB' },
  });
  const [expected, actual] = [rule.counts(wanted), rule.counts(printed.trimEnd())];
  // The sum of a file whose bytes are known.
  if (command.includes('sha512sum')) return { expected, actual };
  return {
    expected: world.recordedDates(Names.recordedText(expected)),
    actual: world.actualDates(world.names.toRecorded(actual, expected)),
  };
}

/** The catalogue stands beside the blobs, where the original neither reads nor deletes it. */
function withoutCatalogue(command: string): string {
  return command.replaceAll('find data -type f', "$& -not -path 'data/backy2-catalogue/*'");
}

/** The file that a recorded `cat` shows. */
export function writtenFile({ command, output }: ShellCommand): { name: string; text: string } | undefined {
  const name = /^cat (\S+)$/.exec(command)?.[1];
  return name === undefined ? undefined : { name, text: output };
}

/** The recorder's comparison of two files, in its words. */
export function compareFiles(world: World, { command }: ShellCommand): string {
  const [, left = '', right = ''] = command.split(' ');
  const missing = [left, right].find((name) => !existsSync(world.path(name)));
  if (missing !== undefined) return `no file ${missing}`;
  const [a, b] = [world.read(left), world.read(right)];
  return `cmp ${left} (${a.length} bytes) ${right} (${b.length} bytes): ${verdict(a, b)}`;
}

function verdict(a: Buffer, b: Buffer): string {
  if (a.equals(b)) return 'IDENTICAL';
  const shorter = Math.min(a.length, b.length);
  let at = 0;
  while (at < shorter && a[at] === b[at]) at += 1;
  return `DIFFER (first at ${at < shorter ? at : 'end of the shorter'})`;
}

function withoutOwners(output: string): string {
  return output.replaceAll(/^(-\S+) \d+ \S+ \S+ +(\d+) \w{3} +\d+ [\d:]+ (\S+)$/gm, '$2 $3');
}

function withoutLineNumbers(output: string): string {
  return output.replaceAll(/, line \d+$/gm, '');
}

/** The sizes of blobs; that of a compressible block depends on its content. */
function sizesAlone(output: string): string {
  const sizes = [...output.matchAll(/\.blob (\d+)$/gm)].map((match) => Number(match[1]));
  return sizes
    .map((size) => (size < 77 ? 'small' : String(size)))
    .sort()
    .join('\n');
}

function withoutBlobNames(output: string): string {
  const isBlob = /^data\/(..)\/(..)\/\1\2\w{28}\.blob$/;
  return output
    .split('\n')
    .map((path) => path.replace(isBlob, 'a blob'))
    .sort()
    .join('\n');
}
