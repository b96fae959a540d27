import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildSync } from 'esbuild';
import { seededRandom } from '../images/random.ts';
import { FolderWorld } from './folder-world.ts';
import type { RaceProcess } from './race-process.ts';
import type { Counts } from './race-world.ts';

/** The share of cleanups of each process: one cleans up all the time. */
const CLEANUPS = [1, 0.02, 0.02];
/** Backups and cleanups between two kills: a slow machine takes longer, and proves the same. */
const [LEAST_STEPS, MOST_STEPS] = [6, 18];
/** A kill comes up to this much later, at any moment of an operation. */
const KILL_MS = 60;
const POLL_MS = 20;

interface ProcessRace {
  engine: string;
  /** A new folder. */
  folder: string;
  seed: number;
  /** It ends after this time, in any case. */
  mostMs: number;
  /** Whether enough has happened. */
  isEnough(counts: Counts): boolean;
}

/**
 * Lets processes back up, remove and clean up on one PostgreSQL database, and kills them with
 * SIGKILL at any moment. @throws Error when one of them has found a loss, or failed.
 */
export async function raceProcesses({ engine, folder, seed, mostMs, isEnough }: ProcessRace): Promise<FolderWorld> {
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'race.cjs');
  writeFileSync(program, bundle());
  const world = new FolderWorld(join(folder, 'world'));
  const endFile = join(folder, 'end');
  const random = seededRandom(seed);
  const failures: string[] = [];
  let parts = 0;
  const start = (cleanups: number): ChildProcess => {
    const part = ++parts;
    const request: RaceProcess = { engine, folder: join(folder, 'world'), endFile, seed: seed + part, part, cleanups };
    const env = { ...process.env, NODE_PATH: resolve('node_modules') };
    const child = spawn(process.execPath, [program, JSON.stringify(request)], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    child.once('close', (code, signal) => {
      if (code !== 0 && signal !== 'SIGKILL') failures.push(`process ${part}: ${stderr || `${code} ${signal}`}`);
    });
    return child;
  };
  const children = CLEANUPS.map(start);
  const endAt = performance.now() + mostMs;
  const isOver = () => failures.length > 0 || performance.now() > endAt || isEnough(world.counts);
  while (!isOver()) {
    const next = stepsOf(world.counts) + LEAST_STEPS + Math.floor(random() * (MOST_STEPS - LEAST_STEPS));
    while (!isOver() && stepsOf(world.counts) < next) await sleep(POLL_MS);
    await sleep(random() * KILL_MS);
    const n = Math.floor(random() * CLEANUPS.length);
    if (!(await end(children[n], 'SIGKILL'))) continue;
    world.count('killed');
    children[n] = start(CLEANUPS[n] ?? 0);
  }
  writeFileSync(endFile, '');
  await Promise.all(children.map((child) => end(child)));
  if (failures.length > 0) throw new Error(failures.join('\n'));
  return world;
}

function stepsOf({ backups, cleanups }: Counts): number {
  return backups + cleanups;
}

/** Waits until a process is gone. @returns whether it ran. */
async function end(child: ChildProcess | undefined, signal?: NodeJS.Signals): Promise<boolean> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  const closed = once(child, 'close');
  if (signal !== undefined) child.kill(signal);
  await closed;
  return true;
}

/** The program of a process: Node itself cannot load TypeScript. */
function bundle(): string {
  const built = buildSync({
    entryPoints: [fileURLToPath(new URL('race-process.ts', import.meta.url))],
    ...{ bundle: true, platform: 'node', format: 'cjs', packages: 'external', write: false, logLevel: 'error' },
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(resolve('package.json')).href) },
    supported: { 'dynamic-import': false },
  });
  return built.outputFiles[0]?.text ?? '';
}
