import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const docs = readdirSync(`${ROOT}docs`, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs.map((file) => `docs/${file}`)];
const read = (page: string) => readFileSync(join(ROOT, page), 'utf8');

/** The anchors of a page, as GitHub makes them from its headings. */
function anchorsOf(page: string): string[] {
  const headings = read(page).matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, heading = '']) => {
    const kept = heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '');
    return kept.replace(/\s/g, '-');
  });
}

/** Links of a page to files and headings of this repository. */
function linksOf(page: string): string[] {
  const links = read(page).matchAll(/\]\(([^)\s]+)\)/g);
  return [...links].map(([, link = '']) => link).filter((link) => !/^[a-z]+:/.test(link));
}

function isBroken(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#');
  const path = file === '' ? page : relative(ROOT, join(ROOT, dirname(page), file));
  if (!existsSync(join(ROOT, path))) return true;
  return anchor !== undefined && !anchorsOf(path).includes(anchor);
}

test('each link in the docs leads to a file, and to a heading in it', () => {
  const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
  expect(links.length).toBeGreaterThan(100);
  expect(links.filter(({ page, link }) => isBroken(page, link))).toEqual([]);
});

test('README.md links each page for users', () => {
  const linked = linksOf('README.md').map((link) => link.split('#')[0]);
  const forDevelopers = ['testing.md', 'large-machines.md'];
  const top = docs.filter((file) => !/^(json|spec)\//.test(file) && !forDevelopers.includes(file));
  expect(top.filter((file) => !linked.includes(`docs/${file}`))).toEqual([]);
});

test('the units of systemd start scripts that are there', () => {
  const units = readdirSync(`${ROOT}docs/systemd`);
  const started = units.flatMap((unit) => [...read(`docs/systemd/${unit}`).matchAll(/^ExecStart=\/usr\/local\/bin\/(\S+)/gm)]);
  expect(started.map(([, script]) => existsSync(`${ROOT}docs/scripts/${script}`))).toEqual([true, true]);
  const timers = units.filter((unit) => unit.endsWith('.timer'));
  expect(timers.filter((timer) => !units.includes(timer.replace('.timer', '.service')))).toEqual([]);
});
