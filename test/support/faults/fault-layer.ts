import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import type { Lab } from '../labs/lab.ts';
import { type Result, tool } from '../program/process.ts';

/** Kinds of calls to the file system and to servers, in the order of fault-calls.h. */
const CALL_KINDS = [
  ...['open', 'create', 'read', 'write', 'fsync', 'rename', 'link', 'unlink', 'mkdir', 'truncate', 'fallocate'],
  ...['flock', 'lock', 'unlock', 'list', 'connect'],
] as const;

/** Places of connections to a lab's servers. */
const SERVER_PLACES = ['server-postgresql', 'server-s3'] as const;

/** Places in a lab: a path counts for the first one it contains. */
const PLACES = [
  ...['data/.tmp', 'data', 'backy.sqlite', 'locks/', 'source', 'target', 'export', ...SERVER_PLACES, 'other'],
] as const;

export type Place = (typeof PLACES)[number];

export function isServer(place: Place): boolean {
  return (SERVER_PLACES as readonly Place[]).includes(place);
}

/** The `call`th call (from 1) of a kind at a place. */
export interface Point {
  kind: string;
  place: Place;
  call: number;
}

/** The fault at a point. */
export interface Fault {
  name: string;
  /** An errno's number, or a word of fault-script.c. */
  action: string;
  /** All later calls of this kind at this place fail too, as on a full disk. */
  lasting?: boolean;
}

/** How often each kind of call was made at each place. */
export type Calls = Counted<Place>[];

interface Counted<P extends string> {
  kind: string;
  place: P;
  count: number;
}

interface FaultyLab {
  lab: Lab;
  /** Path of the fault layer. */
  library: string;
  /** A file for the journal of changes. */
  journal?: string | undefined;
}

/** The result of a run under the fault layer. */
interface FaultyRun {
  result: Result;
  calls: Calls;
  /** Whether the program reached the point at all. */
  struck: boolean;
}

/** How long a call hangs; all ends well within {@link HANG_LIMIT_MS}. */
const HANG_MS = 1500;
const HANG_LIMIT_MS = 40_000;

/** Compiles the library for LD_PRELOAD; it is removed when the test file has ended. */
export async function compileFaultLayer(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-faults-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const here = dirname(fileURLToPath(import.meta.url));
  const sources = ['fault-calls.c', 'fault-script.c', 'fault-journal.c'].map((name) => join(here, name));
  const library = join(folder, 'faults.so');
  await tool('gcc', '-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', library, ...sources, '-ldl');
  return library;
}

/**
 * Runs the program with a fault, or with none to count its calls. With a journal, its changes can
 * be replayed (power-loss.ts).
 */
export async function runWithFault(
  { lab, library, journal }: FaultyLab,
  args: readonly string[],
  at?: Point & { fault: Fault },
): Promise<FaultyRun> {
  const counters = newCounters(lab);
  const env: Record<string, string> = {
    LD_PRELOAD: library,
    FAULTS_UNDER: lab.folder,
    FAULTS_PLACES: PLACES.slice(0, -1).join(':'),
    FAULTS_SERVERS: [...lab.store.servers].map(([port, name]) => `${port}=server-${name}`).join(':'),
    FAULTS_COUNTERS: counters,
    FAULTS_HANG_MS: String(HANG_MS),
  };
  if (at !== undefined) env.FAULTS_RULE = ruleOf(at);
  if (journal !== undefined) env.FAULTS_JOURNAL = journal;
  // A process of its own: only that can be preloaded and killed.
  const result = await lab.start(args, { env, timeoutMs: HANG_LIMIT_MS }).ended;
  const numbers = readCounters(counters);
  return { result, calls: callsOf(numbers, PLACES), struck: (numbers.at(-1) ?? 0n) > 0n };
}

/**
 * Runs the program and counts its calls at other places, fewer than a lab has. A path counts for
 * the first place it contains.
 */
export async function countCalls<P extends string>(
  { lab, library, places }: FaultyLab & { places: readonly P[] },
  args: readonly string[],
): Promise<{ result: Result; calls: Counted<P>[] }> {
  const counters = newCounters(lab);
  const env = {
    LD_PRELOAD: library,
    FAULTS_UNDER: lab.folder,
    FAULTS_PLACES: places.join(':'),
    FAULTS_COUNTERS: counters,
  };
  const result = await lab.start(args, { env }).ended;
  return { result, calls: callsOf(readCounters(counters), places) };
}

function newCounters(lab: Lab): string {
  const path = lab.path('home/counters');
  writeFileSync(path, Buffer.alloc(8 * (CALL_KINDS.length * PLACES.length + 1)));
  return path;
}

function readCounters(path: string): BigUint64Array {
  return new BigUint64Array(new Uint8Array(readFileSync(path)).buffer);
}

function ruleOf({ kind, place, call, fault }: Point & { fault: Fault }): string {
  const kindNumber = CALL_KINDS.indexOf(kind as (typeof CALL_KINDS)[number]);
  return `${kindNumber} ${PLACES.indexOf(place)} ${call} ${fault.action} ${fault.lasting === true ? 1 : 0}`;
}

/** The counters of `places`; the library has room for as many as {@link PLACES}. */
function callsOf<P extends string>(numbers: BigUint64Array, places: readonly P[]): Counted<P>[] {
  return CALL_KINDS.flatMap((kind, k) =>
    places.map((place, p) => ({ kind, place, count: Number(numbers[k * PLACES.length + p] ?? 0n) })),
  ).filter(({ count }) => count > 0);
}
