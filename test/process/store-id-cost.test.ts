import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { STORE_FILE } from '../../src/data/file/blob-paths.ts';
import { compileFaultLayer, countCalls } from '../support/faults/fault-layer.ts';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();

const BLOCK = 4096;
const ID = `data/${STORE_FILE}`;
/** The rest of the data folder, and the folder itself. */
const DATA = '/data';
const DATABASE = 'backy.sqlite';

let lab: Lab;
let source: string;
let uid: string;
beforeEach(async () => {
  // The catalogue reads and writes there too.
  lab = await Lab.create({ blockSize: BLOCK, config: { DataBackend: { catalogue: 'no' } } });
  source = `file://${lab.write('image', noise(20 * BLOCK, 'image'))}`;
  uid = await lab.backup(source, 'vm');
});
afterEach(() => lab.remove());

/** System calls of a successful command, as "kind place" with their count. */
async function callsOf(...args: string[]): Promise<Record<string, number>> {
  const { result, calls } = await countCalls({ lab, library, places: [ID, DATA, DATABASE] }, args);
  expect(result.code, result.stderr).toBe(0);
  return Object.fromEntries(calls.map(({ kind, place, count }) => [`${kind} ${place}`, count]));
}

describe.skipIf(skip)(`the store's id costs${note}`, () => {
  test('ls nothing: it opens nothing in the data folder', async () => {
    const calls = await callsOf('ls');
    expect(calls[`open ${DATABASE}`]).toBeGreaterThan(0);
    expect(Object.keys(calls).filter((call) => !call.endsWith(DATABASE))).toEqual([]);
  });

  test('a backup that stores nothing two small reads: it opens and lists nothing else in the data folder', async () => {
    const hints = lab.write('hints', '[]');
    for (const args of [
      ['backup', source, 'vm'],
      ['backup', '-r', hints, '-f', uid, source, 'vm'],
    ]) {
      const calls = await callsOf(...args);
      const inData = Object.entries(calls).filter(([call]) => !call.endsWith(DATABASE));
      // Before the work, and again before the version becomes valid.
      expect(Object.fromEntries(inData)).toEqual({ [`open ${ID}`]: 2, [`read ${ID}`]: 2 });
    }
  });
});
