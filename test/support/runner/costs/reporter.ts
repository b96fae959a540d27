import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Reporter } from 'vitest/node';
import { STORY_SHARDS } from '../../../services/stories.ts';
import { STORE_SHARDS } from '../../stores/files.ts';
import { REAL_SHARDS, ROTATION, shardText } from '../rotation.ts';
import type { Note } from './note.ts';
import { readTable, updated, writeTable } from './table.ts';

const DEAREST = 5;

/**
 * Prints at the end the costs of each project and its most expensive files. With BACKY_COSTS=write,
 * updates the rows of test/costs.json (npm run test:costs).
 */
export class CostsReporter implements Reporter {
  #folder: string | undefined;

  onInit(): void {
    this.#folder = mkdtempSync(join(tmpdir(), 'backy2-costs-'));
    // The processes of the tests inherit it.
    process.env.BACKY_COSTS_NOTES = join(this.#folder, 'notes');
  }

  onTestRunEnd(): void {
    const notes = this.#notes();
    process.stdout.write(`\n${turns(notes)}\n${summary(notes)}\n`);
    if (process.env.BACKY_COSTS === 'write') enter(notes);
  }

  #notes(): Note[] {
    const { BACKY_COSTS_NOTES: file = '' } = process.env;
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    return lines.map((line) => JSON.parse(line) as Note);
  }
}

/** Lists the shards that this run covered, and how to run them again. */
function turns(notes: readonly Note[]): string {
  const shards = [...new Set(notes.map(({ name, shard }) => (shard.includes('/') ? `${name} ${shard}` : '')))].filter(Boolean);
  const files = notes.some(({ name }) => name.startsWith('stores ')) ? [`files on other stores ${shardText(STORE_SHARDS)}`] : [];
  const images = notes.some(({ name }) => name.startsWith('services ')) ? [`files of images ${shardText(STORY_SHARDS)}`] : [];
  const real = `real starts of resident tests ${shardText(REAL_SHARDS)}`;
  return `Turns (BACKY_TEST_ROTATION=${ROTATION}): ${[real, ...files, ...images, ...shards].join(', ')}`;
}

function summary(notes: readonly Note[]): string {
  const lines = ['Costs: CPU-seconds, calls of the program, processes started; dearest files'];
  for (const project of new Set(notes.map(projectOf))) {
    const own = notes.filter((note) => projectOf(note) === project).sort((a, b) => b.cpuSeconds - a.cpuSeconds);
    const [seconds, calls, starts] = [sum(own, (n) => n.cpuSeconds), sum(own, (n) => n.calls), sum(own, (n) => n.starts)];
    const dearest = own.slice(0, DEAREST).map(({ name, cpuSeconds }) => `${name.split('/').at(-1)} ${cpuSeconds.toFixed(1)}`);
    lines.push(
      `  ${project.padEnd(10)} ${seconds.toFixed(0).padStart(5)} s ${String(calls).padStart(5)} ${String(starts).padStart(5)}  ${dearest.join(', ')}`,
    );
  }
  return lines.join('\n');
}

function enter(notes: readonly Note[]): void {
  const table = readTable();
  for (const { name, shard, ...costs } of notes) table[name] = updated(table[name], shard, costs);
  writeTable(Object.fromEntries(Object.entries(table).filter(([name]) => existsSync(name.split(' ')[1] ?? ''))));
}

function projectOf({ name }: Note): string {
  return name.split(' ')[0] ?? '';
}

function sum(notes: readonly Note[], of: (note: Note) => number): number {
  return notes.reduce((total, note) => total + of(note), 0);
}
