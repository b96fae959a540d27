import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands/index.ts';
import { EXIT_CODES } from '../../../../src/errors.ts';
import { problemsOf, SCHEMAS, type Schema } from '../../../support/labs/json-schemas.ts';

test.each(COMMANDS.map(({ name }) => name))('%s has a schema in docs/json', (name) => {
  expect([...SCHEMAS.keys()]).toContain(name);
});

test('error.json knows every code', () => {
  const codes = SCHEMAS.get('error')?.properties?.error?.properties?.code?.enum;
  expect(codes).toEqual(Object.keys(EXIT_CODES));
});

test('backup --auto describes a backup as backup does', () => {
  const { results } = SCHEMAS.get('backup-auto')?.properties ?? {};
  const ofImage = results?.items?.properties?.backup?.anyOf?.find(({ type }) => type === 'object');
  const backup = SCHEMAS.get('backup');
  expect(ofImage?.properties).toEqual(backup?.properties);
  expect(ofImage?.required).toEqual(backup?.required);
});

describe.each([...SCHEMAS])('docs/json/%s.json', (name, schema) => {
  test('is a JSON Schema of draft 2020-12 with a title and a description', () => {
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.title).toMatch(/^backy2 --json/);
    expect(schema.description).toMatch(/\.$/);
    // Compiling throws for an invalid or ambiguous schema.
    expect(problemsOf(`${name}.json`, Symbol.iterator)).not.toBe('');
  });

  test('describes every field, with units, and allows no others', () => {
    const objects: string[] = [];
    for (const [path, part] of partsOf(schema, '#')) {
      if (part.properties !== undefined) {
        objects.push(path);
        expect(part.additionalProperties, path).toBe(false);
        const needed = part.minProperties ?? part.required?.length ?? 0;
        expect(needed, `${path} may be empty`).toBeGreaterThan(0);
      }
      if (/\/properties\/[^/]+$/.test(path)) expect(part.description, path).toMatch(/\.$/);
      if ([part.type].flat().some((type) => type === 'integer' || type === 'number'))
        expect(part.description, `${path} has no unit`).toMatch(/\b(bytes|blocks?|blobs|versions|values|seconds|exit code)\b/i);
    }
    expect(objects).not.toEqual([]);
  });
});

const TABLES = [...SCHEMAS].filter(([, schema]) => schema.$defs?.default_row !== undefined);

test.each(TABLES)('docs/json/%s.json lists the fields without -f', (_, schema) => {
  const row = schema.$defs?.row;
  const needed = schema.$defs?.default_row?.required ?? [];
  expect(Object.keys(row?.properties ?? {})).toEqual(expect.arrayContaining(needed));
  expect(row?.required).toBeUndefined();
  expect(needed.length).toBeGreaterThan(1);
});

function* partsOf(schema: Schema, path: string): Generator<[path: string, part: Schema]> {
  yield [path, schema];
  for (const keyword of ['properties', '$defs'] as const) {
    for (const [name, part] of Object.entries(schema[keyword] ?? {})) yield* partsOf(part, `${path}/${keyword}/${name}`);
  }
  if (schema.items !== undefined) yield* partsOf(schema.items, `${path}/items`);
  for (const [index, part] of (schema.anyOf ?? []).entries()) yield* partsOf(part, `${path}/anyOf/${index}`);
}
