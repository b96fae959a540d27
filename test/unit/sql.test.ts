import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));
const SQL = /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|WHERE|VALUES|FROM|JOIN|SET)\b/;

/**
 * What may stand in the text of a statement without being a parameter, by file: names and pieces of SQL that the program has written itself. A
 * constant in capitals is always such a piece.
 */
const PIECES: Record<string, readonly string[]> = {
  'meta/postgresql/backup.ts': ['where'],
  'meta/postgresql/blocks.ts': ['columns', 'same'],
  'meta/postgresql/cleanup.ts': ['table'],
  'meta/postgresql/connection.ts': ['names'],
  'meta/postgresql/disk-usage.ts': ['join', 'sum', 'uses', 'what', 'where'],
  'meta/postgresql/transaction.ts': ['held'],
  'meta/postgresql/upgrade.ts': ['columns'],
  'meta/postgresql/verified.ts': ['columns', 'i', 'recent'],
  'meta/postgresql/versions.ts': ['where'],
  'meta/sqlite/backup.ts': ['bad', 'values'],
  'meta/sqlite/blocks.ts': ['same'],
  'meta/sqlite/disk-usage.ts': ['sum', 'uses', 'what', 'where'],
  'meta/sqlite/rebuild.ts': ['columns', 'setAside', 'source', 'table', 'values', 'where'],
  'meta/sqlite/remove-version.ts': ['piece'],
  'meta/sqlite/sealed.ts': ['byChecksum', 'rows'],
  'meta/sqlite/stats.ts': ['where'],
  'meta/sqlite/verified.ts': ['recent'],
  'meta/sqlite/versions.ts': ['where'],
};

/** The first word of each interpolation in those templates of a file that are SQL, but constants. */
function interpolations(text: string): string[] {
  const templates = (text.match(/`(?:[^`\\]|\\.)*`/gs) ?? []).filter((template) => SQL.test(template));
  const words = templates.flatMap((template) => [...template.matchAll(/\$\{(\w*)/g)].map(([, word = '']) => word));
  return words.filter((word) => !/^[A-Z][A-Z_]*$/.test(word));
}

const files = ['meta', 'locking'].flatMap((room) =>
  readdirSync(join(SOURCES, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${room}/${file}`),
);

describe('SQL', () => {
  test('is looked for where it is', () => {
    expect(files.length).toBeGreaterThan(40);
    const hole = (word: string) => `$\{${word}}`;
    expect(interpolations(`query(\`SELECT ${hole('COLUMNS')} FROM a WHERE b = ${hole('value.x')}\`)`)).toEqual(['value']);
    expect(interpolations(`log(\`Version ${hole('uid')} is gone.\`)`)).toEqual([]);
  });

  test.each(files)('%s has values as parameters alone', (file) => {
    const found = interpolations(readFileSync(join(SOURCES, file), 'utf8'));
    expect(found.filter((word) => !(PIECES[file] ?? []).includes(word))).toEqual([]);
  });

  test('stands nowhere else', () => {
    const others = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !files.includes(file),
    );
    const statements = /['"`]\s*(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM) /;
    expect(others.filter((file) => statements.test(readFileSync(join(SOURCES, file), 'utf8')))).toEqual([]);
  });
});
