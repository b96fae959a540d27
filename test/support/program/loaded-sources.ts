import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One script of a coverage file that V8 writes (`NODE_V8_COVERAGE`). */
interface CoveredScript {
  url: string;
  functions: { functionName: string; ranges: { count: number }[] }[];
}

const DIST = fileURLToPath(new URL('../../../dist/', import.meta.url));

/** The sources in a bundle of dist/, as its source map names them; our own begin with `src/`. */
export function sourcesIn(bundle: string): string[] {
  const { sources } = JSON.parse(readFileSync(`${DIST}${bundle}.cjs.map`, 'utf8')) as { sources: string[] };
  return sources.map((source) => source.replace(/^\.\.\//, ''));
}

/**
 * Sources in a bundle that run only when imported: the bundler wraps each in a function with its
 * name.
 */
export function lateSourcesIn(bundle: string): Set<string> {
  const text = readFileSync(`${DIST}${bundle}.cjs`, 'latin1');
  return new Set(sourcesIn(bundle).filter((source) => text.includes(`"${source}"(`)));
}

/**
 * The sources that ran in processes whose coverage is in `folder`, and files outside of dist/ that
 * they loaded. A bundle contains many sources, so a loaded file alone does not tell.
 */
export function sourcesThatRan(folder: string): Set<string> {
  const scripts = readdirSync(folder).flatMap(
    (file) => (JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { result: CoveredScript[] }).result,
  );
  return new Set(scripts.flatMap(namesOf));
}

function namesOf({ url, functions }: CoveredScript): string[] {
  const bundle = /(?:^|\/dist\/)([\w-]+)\.cjs$/.exec(url)?.[1];
  if (bundle === undefined) return [url];
  const late = lateSourcesIn(bundle);
  const ran = functions.filter(({ ranges: [whole] }) => (whole?.count ?? 0) > 0).map(({ functionName }) => functionName);
  return [...sourcesIn(bundle).filter((source) => !late.has(source)), ...ran.filter((name) => late.has(name))];
}
