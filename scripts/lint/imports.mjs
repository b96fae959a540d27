import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FLOORS, ROOMS, roomOf } from './rooms.mjs';

/**
 * Checks the imports of src/, type imports included: they run down, and there are no circles. Also
 * checks the table of rooms in docs/architecture.md; `--write` renews it.
 */
const PAGE = 'docs/architecture.md';
const [BEGIN, END] = ['<!-- rooms:start -->\n', '<!-- rooms:end -->'];
const IMPORT = /\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)|^import '(\.[^']+)'/gm;

/** Files by path below src/, each with the files that it imports. */
export function readImports(root = 'src') {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
  return new Map(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      const targets = [...readFileSync(path, 'utf8').matchAll(IMPORT)].map(([, a, b, c]) =>
        normalize(join(dirname(path), a ?? b ?? c ?? '')).slice(root.length + 1),
      );
      return [path.slice(root.length + 1), targets];
    }),
  );
}

/**
 * Lists the imports that are not allowed, one line each.
 * @param {Map<string, string[]>} imports @returns {string[]}
 */
export function wrongArrows(imports) {
  const wrong = [];
  for (const [file, targets] of imports) {
    const room = roomOf(file);
    if (room < 0) wrong.push(`${file}: is in no room of scripts/lint/rooms.mjs`);
    for (const target of targets) {
      const other = roomOf(target);
      const isKept = FLOORS[room]?.not?.some((path) => target.startsWith(`${path}/`)) ?? false;
      if (other < room || isKept) wrong.push(`${file}: must not import ${target}`);
    }
  }
  return wrong;
}

/**
 * Circles by Tarjan's algorithm for strongly connected components (1972): linear time.
 * @param {Map<string, string[]>} imports @returns {string[][]} the files of each circle
 */
export function circles(imports) {
  const [order, low, open, found] = [new Map(), new Map(), [], []];
  const visit = (file) => {
    order.set(file, order.size);
    low.set(file, order.get(file));
    open.push(file);
    for (const target of imports.get(file) ?? []) {
      if (!order.has(target)) visit(target);
      if (open.includes(target)) low.set(file, Math.min(low.get(file), low.get(target)));
    }
    if (low.get(file) !== order.get(file)) return;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1 || imports.get(file)?.includes(file)) found.push(group.sort());
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return found;
}

/** The table of rooms in Markdown. */
export function roomsTable() {
  const rows = ROOMS.map(({ path, holds, parts, not }) => {
    const within = parts?.map((part) => part.path.slice(path.length + 1)) ?? [];
    const held = within.length === 0 ? holds : `${holds}: ${quoted(within)}`;
    return `| \`${path}\` | ${held} | ${quoted(not ?? [])} |`;
  });
  return ['| room | holds | must not know |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

/** @param {string[]} paths */
function quoted(paths) {
  return paths.map((path) => `\`${path}\``).join(', ');
}

function checkPage() {
  const text = readFileSync(PAGE, 'utf8');
  const [start, end] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
  if (start < BEGIN.length || end < start) return [`${PAGE}: has no place for the table of rooms`];
  const page = text.slice(0, start) + roomsTable() + text.slice(end);
  if (process.argv.includes('--write')) writeFileSync(PAGE, page);
  else if (page !== text) return [`${PAGE}: the table of rooms is out of date: run node scripts/lint/imports.mjs --write`];
  return [];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const imports = readImports();
  const lines = [
    ...wrongArrows(imports),
    ...circles(imports).map((files) => `circle of imports: ${files.join(', ')}`),
    ...checkPage(),
  ];
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exitCode = lines.length > 0 ? 1 : 0;
}
