import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { parseTags } from '../../../src/cli/options/parse-tags.ts';
import { parseDays, parseDuration, parsePercent, parseWhole } from '../../../src/cli/options/parse-values.ts';
import { jsonText } from '../../../src/cli/output/json.ts';
import { renderMachine } from '../../../src/cli/output/machine.ts';
import { printable } from '../../../src/cli/output/printable.ts';
import { parseIni } from '../../../src/config/ini.ts';
import { parseHints } from '../../../src/core/plan/hints.ts';
import { NEWEST_FORMAT, TransferReader } from '../../../src/core/transfer/transfer-format.ts';
import { isBlobUid, newBlobUid } from '../../../src/data/blob-uid.ts';
import { blobPath } from '../../../src/data/file/blob-paths.ts';
import { BackyError } from '../../../src/errors.ts';

const RUNS = process.env.BACKY_LONG_TESTS ? 50_000 : 1_000;
// On a busy machine the long form takes its time.
vi.setConfig({ testTimeout: 240_000 });
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

/** Texts of all kinds, near what is right and far from it. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.stringMatching(/^[\u0000-\u009f]{0,40}$/),
  fc.constantFrom('', '-', '../..', '1e400', '9'.repeat(400), '__proto__', 'NaN', '%(a)s', '%', "';--", '\u001b[2J', '\ufeff'),
);

/**
 * A result, or a BackyError of bounded length: nothing else, and no exception of the parser's own.
 */
function soundly<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    expect(error).toBeInstanceOf(BackyError);
    expect((error as BackyError).message.length).toBeLessThan(2_000);
    return undefined;
  }
}

const holds = <Args extends [unknown, ...unknown[]]>(property: fc.IProperty<Args>) => fc.assert(property, { numRuns: RUNS });

describe('whatever a file holds', () => {
  test('hints are read whole, with offsets and lengths that are bytes, or refused', () => {
    const entry = fc.record(
      {
        offset: fc.oneof(fc.maxSafeNat(), fc.double(), nasty),
        length: fc.oneof(fc.maxSafeNat(), fc.integer()),
        exists: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      nasty,
      fc.json(),
      fc.array(fc.oneof(entry, fc.jsonValue())).map((value) => JSON.stringify(value) ?? ''),
    );
    holds(
      fc.property(text, (hints) => {
        for (const { offset, length, exists } of soundly(() => parseHints(hints, 'f')) ?? []) {
          expect(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0).toBe(true);
          expect(typeof exists).toBe('boolean');
        }
      }),
    );
  });

  test('a config file is sections and options, or refused', () => {
    const line = fc.oneof(nasty, fc.constantFrom('[DEFAULTS]', '[', ']', '[]', 'a: b', ' b', '=', ':', '#', ';', 'a = %(a)s'));
    holds(
      fc.property(fc.array(line), fc.constantFrom('\n', '\r\n', '\r', '\u2028'), (lines, end) => {
        const ini = soundly(() => parseIni(lines.join(end), 'f'));
        for (const name of ini?.sections.keys() ?? []) expect(typeof name).toBe('string');
      }),
    );
    expect(Object.prototype).not.toHaveProperty('polluted');
  });

  test('an export gives versions and blocks that the database can hold, and blob uids that are safe, or is refused', () => {
    const uid = '11111111-2222-1333-8444-555555555555';
    const field = fc.oneof(nasty, fc.constantFrom(uid, '0', '1', '2026-01-01 00:00:00', 'ab', '4096', newBlobUid()));
    holds(
      fc.property(fc.array(field, { minLength: 7, maxLength: 10 }), (fields) => {
        const reader = new TransferReader(NEWEST_FORMAT);
        const version = soundly(() => reader.version(fields.slice(0, 9), 2));
        if (version !== undefined) expect(version.uid).toMatch(/^[0-9a-f-]{36}$/i);
        const block = soundly(() => reader.block(fields, uid, 3));
        if (block?.uid != null) expect(isBlobUid(block.uid)).toBe(true);
      }),
    );
  });
});

describe('whatever stands on the command line', () => {
  test('numbers, times and tags are what they should be, or refused', () => {
    holds(
      fc.property(nasty, (text) => {
        expect(soundly(() => parsePercent(text, '-p')) ?? 0).toBeLessThanOrEqual(100);
        expect(soundly(() => parseDuration(text, '--budget')) ?? 1).toBeGreaterThan(0);
        expect(soundly(() => parseDays(text, '--days'))?.every((days) => days > 0) ?? true).toBe(true);
        expect(Number.isSafeInteger(soundly(() => parseWhole(text, '-l')) ?? 0)).toBe(true);
        soundly(() => parseTags(text));
      }),
    );
  });
});

describe('whatever a database holds', () => {
  test('a blob uid leads to a file below the folder, by two folders of two letters, or to none', () => {
    holds(
      fc.property(fc.oneof(nasty, fc.stringMatching(/^[0-9a-f]{10}[./A-Za-z]{22}$/), fc.constant(newBlobUid())), (uid) => {
        const path = soundly(() => blobPath('/data', uid));
        if (path !== undefined) expect(path).toMatch(/^\/data\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9A-Za-z]{32}\.blob$/);
      }),
    );
  });

  test('nothing that a terminal acts on is shown, and JSON gives the very text back', () => {
    const columns = ['a', 'b'].map((name) => ({ name, kind: 'text' as const, align: 'left' as const }));
    holds(
      fc.property(nasty, nasty, (a, b) => {
        expect(printable(a)).not.toMatch(UNPRINTABLE);
        // Rows for scripts are the one exception.
        expect(renderMachine({ columns, rows: [[a, b]] }, { skipHeader: true, human: false })).toBe(`${a}|${b}\n`);
        const json = [...jsonText([a, { [b]: a }])].join('');
        // Its own line ends.
        expect(json.replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
        expect(JSON.parse(json)).toEqual([a, { [b]: a }]);
      }),
    );
  });
});
