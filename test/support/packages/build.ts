import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Running } from '../program/process.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FOLDER = `${ROOT}build/package`;
/** Compiling SQLite takes a minute of one core, and other tests may run. */
const LIMIT_MS = 600_000;

/** Builds the packages of this checkout. @returns their paths. */
export async function buildPackages(): Promise<{ deb: string; archive: string }> {
  const said = await npm('run', '--silent', 'package', '--', '--quick');
  const find = (ending: string) => {
    const name = readdirSync(FOLDER).find((file) => file.endsWith(ending));
    if (name === undefined) throw new Error(`npm run package made no *${ending}: ${said}`);
    return `${FOLDER}/${name}`;
  };
  return { deb: find('.deb'), archive: find('.tar.gz') };
}

/** Runs npm, with the user's settings of it. @throws Error for any exit code but 0. */
export async function npm(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Running(['npm', ...words], { cwd: ROOT, env: environment(), timeoutMs: LIMIT_MS })
    .ended;
  if (code !== 0) throw new Error(`npm ${words.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
