import { readFileSync } from 'node:fs';
import { recordingFiles } from './location.ts';

/** One run of the program. `rc` is text when the recorder had to kill it. */
export interface Call {
  kind: 'call';
  n: number;
  note: string | null;
  argv: string[];
  /** Its variables, besides the usual ones. */
  env: Record<string, string> | null;
  stdin: string | null;
  rc: number | string;
  stdout: string;
  /** The call's lines in the logfile. */
  logfile: string | null;
  stderr: string;
}

/** A config file that the recorder wrote at this point. */
export interface ConfigFile {
  kind: 'config';
  name: string;
  text: string;
}

/** A statement that the recorder ran on the database; a select has columns and rows. */
export interface Statement {
  kind: 'sql';
  sql: string;
  params: string[];
  columns: string[];
  rows: string[][];
}

/**
 * A shell command that the recorder ran, or its own comparison of two files (`cmp a (3 bytes) …`).
 */
export interface ShellCommand {
  kind: 'shell' | 'cmp';
  command: string;
  output: string;
}

export type Step = Call | ConfigFile | Statement | ShellCommand;
/** The recorder's other steps besides calls of the program. */
export type SideStep = Exclude<Step, Call>;

export interface Recording {
  name: string;
  steps: Step[];
}

/** Reads one recording. Its order comes from the text, the calls themselves from the data file. */
export function readRecording(name: string): Recording {
  const files = recordingFiles(name);
  const calls = readFileSync(files.calls, 'utf8').trimEnd().split('\n').map(parseCall);
  const lines = readFileSync(files.text, 'utf8').split('\n');
  const steps: Step[] = [];
  let at = 0;
  while (at < lines.length) {
    const { step, next } = readStep(lines, at, calls);
    if (step) steps.push(step);
    at = next;
  }
  if (calls.length > 0) throw new Error(`${name}: the text has ${calls.length} calls fewer than its jsonl`);
  return { name, steps };
}

/** A call by its number. */
export function callOf(recording: Recording, n: number): Call {
  const call = recording.steps.find((step): step is Call => step.kind === 'call' && step.n === n);
  if (!call) throw new Error(`${recording.name} has no call ${n}`);
  return call;
}

function parseCall(line: string): Call {
  return { ...(JSON.parse(line) as Omit<Call, 'kind'>), kind: 'call' };
}

/** Variables may stand before the program. */
const CALL = /^\$ (\w+=\S* )*backy2( |$)/;

function readStep(lines: string[], at: number, calls: Call[]): { step?: Step; next: number } {
  const line = lines[at] ?? '';
  if (CALL.test(line)) {
    const step = calls.shift();
    if (!step) throw new Error(`line ${at + 1}: a call that the jsonl lacks`);
    return { step, next: lines.findIndex((text, i) => i > at && text.startsWith('--- exit code')) + 1 };
  }
  const config = /^## config file (\S+):$/.exec(line)?.[1];
  if (config) return readConfig(lines, at + 1, config);
  if (line.startsWith('sqlite> ')) return readStatement(lines, at);
  if (line.startsWith('sh$ ')) return readShell(lines, at);
  const cmp = /^(cmp (\S+) \(\d+ bytes\) (\S+) .*?): /.exec(line);
  if (cmp) return { step: { kind: 'cmp', command: `cmp ${cmp[2]} ${cmp[3]}`, output: line }, next: at + 1 };
  return { next: at + 1 };
}

function readConfig(lines: string[], from: number, name: string): { step: ConfigFile; next: number } {
  let next = from;
  while (lines[next]?.startsWith('    ')) next += 1;
  const text = lines.slice(from, next).map((line) => `${line.slice(4)}\n`);
  return { step: { kind: 'config', name, text: text.join('') }, next };
}

function readStatement(lines: string[], at: number): { step: Statement; next: number } {
  const [sql = '', tuple = ''] = (lines[at] ?? '').slice('sqlite> '.length).split('  -- ');
  const params = [...tuple.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
  let next = at + 1;
  while (lines[next]) next += 1;
  const [header, ...rows] = lines.slice(at + 1, next).map((line) => line.split('|'));
  return { step: { kind: 'sql', sql, params, columns: header ?? [], rows }, next };
}

const STARTS_A_STEP = /^(\$ (\w+=\S* )*backy2|## |sqlite> |sh\$ |cmp \S+ \(\d+ bytes\) )/;

function readShell(lines: string[], at: number): { step: ShellCommand; next: number } {
  let next = at + 1;
  while (next < lines.length && !STARTS_A_STEP.test(lines[next] ?? '')) next += 1;
  const output = lines
    .slice(at + 1, next)
    .join('\n')
    .trimEnd();
  return { step: { kind: 'shell', command: (lines[at] ?? '').slice('sh$ '.length), output }, next };
}
