import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureDocument } from '../../../../src/cli/output/failure.ts';
import { type JsonValue, jsonText, tableToJson, toJson } from '../../../../src/cli/output/json.ts';
import { JsonDocument } from '../../../../src/cli/output/json-document.ts';
import { problemsOf } from '../../../support/labs/json-schemas.ts';

const text = (value: JsonValue, newline?: string) => [...jsonText(value, newline)].join('');

describe('jsonText', () => {
  it('writes the same as JSON.stringify, indented by two', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(text(value as JsonValue, '\n')).toBe(JSON.stringify(value, undefined, 2));
        expect(JSON.parse(text(value as JsonValue))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('writes an item on one line without a newline argument', () => {
    expect(text({ a: [1, 'x\n'], b: {} })).toBe('{"a": [1, "x\\n"], "b": {}}');
  });

  it('writes integers beyond 2^53 digit by digit', () => {
    expect(text(toJson({ sizeBytes: 9_007_199_254_740_993n }))).toBe('{"size_bytes": 9007199254740993}');
  });
});

describe('toJson', () => {
  it('names keys as tables name fields, and writes times in UTC', () => {
    expect(
      toJson({ sizeBytes: 5, at: new Date('2031-01-02T03:04:05Z'), none: null, absent: undefined, list: [{ aB: 1 }] }),
    ).toEqual({
      size_bytes: 5,
      at: '2031-01-02T03:04:05.000Z',
      none: null,
      list: [{ a_b: 1 }],
    });
  });

  it('names what a bad block has and should have as its schema does', () => {
    expect(toJson({ errors: [{ id: 1, actual: 'no row', expected: null }] })).toEqual({
      errors: [{ id: 1, is: 'no row', should_be: null }],
    });
  });

  it.each([2 ** 53, -(2 ** 60), Number.NaN, Number.POSITIVE_INFINITY])('refuses %d rather than being silently wrong', (value) => {
    expect(() => toJson({ value })).toThrow(`Cannot print ${value} as JSON`);
  });

  it('takes fractions and every safe integer as they are', () => {
    for (const value of [0.5, Number.MAX_SAFE_INTEGER, -0.25]) expect(toJson(value)).toBe(value);
  });
});

it('a table is an array of objects keyed by field', () => {
  const columns = ['Est. Space', 'tags', 'expire'].map((name) => ({ name, kind: 'text' as const, align: 'left' as const }));
  expect(tableToJson({ columns, rows: [[5, ['a'], null]] })).toEqual([{ 'Est. Space': 5, tags: ['a'], expire: null }]);
});

describe('an array that is written item by item', () => {
  const failure = failureDocument({ code: 'io', exitCode: 100, message: 'It broke.', hint: undefined });
  const blocks = async function* (count: number) {
    for (let block = 0; block < count; block++) yield { block, difference: 'SAME' };
  };

  it.each([0, 1, 3, 5_000])('is one document with %i items, one per line', async (count) => {
    const written: string[] = [];
    await new JsonDocument((piece) => written.push(piece) > 0).printArray(blocks(count));
    const out = written.join('');
    const items: unknown[] = JSON.parse(out);
    expect(items).toHaveLength(count);
    expect(problemsOf('diff-meta.json', items)).toBe('');
    expect(out.split('\n')).toHaveLength(count === 0 ? 2 : count + 3);
    expect(Math.max(...written.map((piece) => piece.length))).toBeLessThan(100_000);
    expect(written.length, 'pieces: not one an item').toBeLessThan(count / 100 + 2);
  });

  it('ends with a failure that comes meanwhile, and is still one document', async () => {
    const written: string[] = [];
    const document = new JsonDocument((piece) => written.push(piece) > 0);
    const broken = async function* () {
      yield* blocks(2);
      throw new Error('It broke.');
    };
    await expect(document.printArray(broken())).rejects.toThrow('It broke.');
    document.fail(failure);
    document.fail(failure);
    const items: unknown[] = JSON.parse(written.join(''));
    expect(items).toEqual([{ block: 0, difference: 'SAME' }, { block: 1, difference: 'SAME' }, failure]);
    expect(problemsOf('diff-meta.json', items)).toBe('');
  });

  it('ends when the pipe is closed', async () => {
    let made = 0;
    const counted = async function* () {
      for await (const block of blocks(100_000)) {
        made++;
        yield block;
      }
    };
    await new JsonDocument(() => false).printArray(counted());
    expect(made).toBeLessThan(10_000);
  });

  it('waits for a slow reader before it takes more items', async () => {
    let [made, written] = [0, 0];
    const counted = async function* () {
      for await (const block of blocks(20_000)) {
        made++;
        yield block;
      }
    };
    const stopped = new Error('Stopped by SIGTERM.');
    const room = () => (written === 0 ? undefined : Promise.reject(stopped));
    const document = new JsonDocument(() => ++written > 0, room);
    await expect(document.printArray(counted())).rejects.toBe(stopped);
    expect(made).toBeLessThan(10_000);
  });

  it('is only the failure if it comes before the first item', async () => {
    const written: string[] = [];
    const document = new JsonDocument((piece) => written.push(piece) > 0);
    document.fail(failure);
    expect(JSON.parse(written.join(''))).toEqual(failure);
  });
});

it('a failure after the result adds nothing to stdout, and one that cannot be written throws nothing', () => {
  const written: string[] = [];
  const document = new JsonDocument((piece) => written.push(piece) > 0);
  document.print({ done: true });
  document.fail({ error: 'late' });
  expect(JSON.parse(written.join(''))).toEqual({ done: true });
  const full = new JsonDocument(() => {
    throw new Error('ENOSPC');
  });
  expect(() => full.fail({ error: 'x' })).not.toThrow();
});
