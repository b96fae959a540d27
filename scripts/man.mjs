import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { COMMON } from './bundles.mjs';

const FOLDER = 'dist/man-page';
const REQUIRE = {
  js: "import { createRequire as createRequireOfBundle } from 'node:module';\nconst require = createRequireOfBundle(import.meta.url);",
};

/** Writes man/backy2.1. Bundles the command definitions, which are TypeScript, for one call. */
export async function writeManPage() {
  await build({ ...COMMON, format: 'esm', banner: REQUIRE, outdir: FOLDER, entryPoints: { main: 'src/cli/words/man/main.ts' } });
  const { manPageOf } = await import(new URL(`../${FOLDER}/main.js`, import.meta.url).href);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  mkdirSync('man', { recursive: true });
  writeFileSync('man/backy2.1', manPageOf({ version, date: today() }));
  rmSync(FOLDER, { recursive: true });
}

/** SOURCE_DATE_EPOCH makes the page reproducible. */
function today() {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  return new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().slice(0, 10);
}
