import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Running } from '../program/process.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = `${ROOT}build/package`;
/** Compiling SQLite takes a minute of one core, and other tests may run. */
const LIMIT_MS = 600_000;

/** Builds the packages of this checkout. @returns their paths. */
export async function buildPackages(): Promise<{ deb: string; archive: string }> {
  const running = new Running(['npm', 'run', '--silent', 'package', '--', '--quick'], {
    cwd: ROOT,
    env: environment(),
    timeoutMs: LIMIT_MS,
  });
  const { code, stdout, stderr } = await running.ended;
  if (code !== 0) throw new Error(`npm run package ended with ${code}: ${stdout}${stderr}`);
  const find = (ending: string) => {
    const name = readdirSync(FOLDER).find((file) => file.endsWith(ending));
    if (name === undefined) throw new Error(`npm run package made no *${ending}: ${stdout}${stderr}`);
    return `${FOLDER}/${name}`;
  };
  return { deb: find('.deb'), archive: find('.tar.gz') };
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
