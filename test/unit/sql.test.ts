import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url));
const SQL = /\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|WHERE|VALUES|FROM|JOIN|SET)\b/;
const CONSTANT = /^[A-Z][A-Z_]*$/;

/** A node of the syntax tree; its children are among its values. */
interface Node {
  type: string;
  [key: string]: unknown;
}

/**
 * Parts of a file that may let a value into the text of a statement:
 * - an interpolation in SQL that is no constant in capitals, unless the template is tagged `sql`,
 *   which makes a parameter of each value (src/meta/sql/statement.ts);
 * - SQL that is put together with `+`;
 * - a constant in capitals within a function, where it could be made of an argument;
 * - a string that becomes a piece of SQL.
 */
function suspects(text: string): string[] {
  const found: string[] = [];
  const note = (node: unknown) => {
    const { start, end } = node as { start: number; end: number };
    found.push(text.slice(start, end));
  };
  for (const { node, parent, depth } of nodesOf(parseAst(text, { lang: 'ts' }) as unknown as Node)) {
    const isTagged = parent?.type === 'TaggedTemplateExpression' && nameOf(parent.tag) === 'sql';
    if (node.type === 'TemplateLiteral' && !isTagged && isSql(node)) {
      for (const each of node.expressions as Node[]) if (!CONSTANT.test(nameOf(each))) note(each);
    } else if (node.type === 'BinaryExpression' && node.operator === '+') {
      if ([node.left, node.right].some((side) => isSql(side as Node))) note(node);
    } else if (node.type === 'VariableDeclarator' && depth > 0) {
      if (CONSTANT.test(nameOf(node.id))) note(node);
    } else if (node.type === 'NewExpression' && nameOf(node.callee) === 'Sql') {
      note(node);
    } else if (node.type === 'TSAsExpression' && nameOf((node.typeAnnotation as Node).typeName) === 'Sql') note(node);
  }
  return found;
}

/** All nodes below one, with the number of functions that each is in. */
function* nodesOf(node: Node, parent?: Node, depth = 0): Generator<{ node: Node; parent: Node | undefined; depth: number }> {
  yield { node, parent, depth };
  const inside = /Function/.test(node.type) ? depth + 1 : depth;
  for (const child of Object.values(node).flat()) if (isNode(child)) yield* nodesOf(child, node, inside);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** The identifier that an expression begins with: `A` of `A.b`, `A[b]` and `A.b(c)`. */
function nameOf(node: unknown): string {
  if (!isNode(node)) return '';
  return typeof node.name === 'string' ? node.name : nameOf(node.object ?? node.callee);
}

function isSql(node: Node): boolean {
  const texts =
    node.type === 'TemplateLiteral' ? (node.quasis as { value: { raw: string } }[]).map(({ value }) => value.raw) : [];
  return SQL.test(texts.join(' ')) || (node.type === 'Literal' && typeof node.value === 'string' && SQL.test(node.value));
}

const files = ['meta', 'locking'].flatMap((room) =>
  readdirSync(join(SOURCES, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${room}/${file}`),
);
const others = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !files.includes(file),
);

describe('SQL', () => {
  test('is looked for where it is', () => {
    expect(files.length).toBeGreaterThan(40);
  });

  test.each([
    ['query(`SELECT $[COLUMNS] FROM a WHERE b = $[value.x]`)', ['value.x']],
    ['query(`SELECT $[LOCKS[kind]] FROM a $[COUNTS.replaceAll(",", ";")]`)', []],
    ['query(`SELECT a $[rows.map(String)] FROM b`)', ['rows.map(String)']],
    ['query(sql`SELECT $[where]`); query(`SELECT $[where]`)', ['where']],
    ['const sum = (what: string) => other`SELECT $[what]`', ['what']],
    ["query('SELECT a FROM b WHERE c = ' + value)", ["'SELECT a FROM b WHERE c = ' + value"]],
    ['function f(a: string) { const NAME = a; return `SELECT $[NAME]`; }', ['NAME = a']],
    ['query(sql`SELECT $[uid as Sql]`)', ['uid as Sql']],
    ['query(new Sql(uid))', ['new Sql(uid)']],
    ['log(`Version $[uid] is gone.`)', []],
  ])('is found out: %s', (text, expected) => {
    const written = (template: string) => template.replaceAll(/\$\[((?:[^[\]]|\[[^\]]*\])*)\]/g, '$${$1}');
    expect(suspects(written(text))).toEqual(expected.map(written));
  });

  test.each(files.filter((file) => file !== 'meta/sql/statement.ts'))('%s has values as parameters alone', (file) => {
    expect(suspects(readFileSync(join(SOURCES, file), 'utf8'))).toEqual([]);
  });

  test('stands nowhere else', () => {
    const statements = /['"`]\s*(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM) /;
    expect(others.filter((file) => statements.test(readFileSync(join(SOURCES, file), 'utf8')))).toEqual([]);
  });
});
