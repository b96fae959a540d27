import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Imports that run up or sideways. */
const FORBIDDEN = [
  ['start', 'cli/session'],
  ['native', 'io/io-url'],
  ['locking', 'meta/dates'],
  ['io', 'data/blob-uid'],
  ['data', 'io/io-url'],
  ['meta', 'data/blob-uid'],
  ['nbd', 'core/progress'],
  ['fuse', 'nbd/disk'],
  ['engine', 'meta/dates'],
  ['core', 'cli/session'],
  ['config', 'core/progress'],
];

describe('the layer rule', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'backy2-layers-'));
    cpSync('biome.json', join(folder, 'biome.json'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /**
   * Lints a file in `room` that imports `imported`, with the project's rules.
   * @returns the output.
   */
  const lint = (room: string, imported: string): string => {
    mkdirSync(join(folder, 'src', room), { recursive: true });
    const file = join('src', room, 'probe.ts');
    writeFileSync(join(folder, file), `import * as other from '../${imported}.ts';\n\nexport const probe = other;\n`);
    const { stdout, stderr } = spawnSync(resolve('node_modules/.bin/biome'), ['lint', file], { cwd: folder, encoding: 'utf8' });
    return stdout + stderr;
  };

  it.each(FORBIDDEN)('refuses an import in src/%s of src/%s', (room, imported) => {
    expect(lint(room, imported)).toContain('Arrows only run down');
  });

  it('lets an arrow run down', () => {
    const said = lint('core', 'meta/dates');
    expect(said).toContain('Checked 1 file');
    expect(said).not.toContain('Arrows only run down');
  });
});
