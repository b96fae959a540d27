import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drill, type Shell, shellLines } from '../docs/drill.ts';
import { Running } from '../program/process.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = `${ROOT}build/package`;
/** Compiling SQLite takes a minute of one core, and other tests may run. */
const LIMIT_MS = 600_000;
/** The start of the lines of docs/install.md that install a compiler. */
export const COMPILER = 'apt-get install g++';

/** The command lines of a text but those that `.ci/run` runs before the tests (docs/testing.md). */
export function buildLines(text: string): string[] {
  return shellLines(text).filter((line) => line !== 'npm ci' && !line.startsWith(COMPILER));
}

/** Builds the packages of this checkout. @param lines of docs/install.md. @returns their paths. */
export async function buildPackages(lines: readonly string[]): Promise<{ deb: string; archive: string }> {
  rmSync(FOLDER, { recursive: true, force: true });
  const said = await drill(lines, shellIn(ROOT, { BACKY_QUICK_PACKAGE: '1' }));
  const find = (ending: string) => {
    const name = readdirSync(FOLDER).find((file) => file.endsWith(ending));
    if (name === undefined) throw new Error(`The build made no *${ending}: ${Object.values(said).join('')}`);
    return `${FOLDER}/${name}`;
  };
  return { deb: find('.deb'), archive: find('.tar.gz') };
}

/** Runs lines on this machine in a folder, with the user's environment and more variables. */
export function shellIn(folder: string, env: Record<string, string> = {}): Shell {
  return (line) =>
    new Running(['/bin/bash', '-c', line], { cwd: folder, env: { ...environment(), ...env }, timeoutMs: LIMIT_MS }).ended;
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
