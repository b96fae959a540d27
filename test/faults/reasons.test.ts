import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileFaultLayer, type Point, runWithFault } from '../support/faults/fault-layer.ts';
import { OPERATIONS } from '../support/faults/operations.ts';
import { basic } from '../support/faults/ready-stores.ts';
import type { Lab } from '../support/labs/lab.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const { skip, note } = lacking(await needTool('gcc', '--version'));
const library = skip ? '' : await compileFaultLayer();

let model: Lab;
let uid: string;
beforeAll(async () => {
  if (!skip) ({ lab: model, first: uid } = await basic('classic'));
});
afterAll(() => model?.remove());

interface Reason {
  words: (lab: Lab) => string[];
  at: Point;
  action: string;
  lasting?: boolean;
  code: number;
  reason: RegExp;
}

const backup = (lab: Lab) => ['backup', `file://${lab.path('source')}`, 'new'];
const restore = (lab: Lab) => ['restore', uid, `file://${lab.path('target')}`];

/** Cases in which a sweep once found a misleading message. */
const REASONS: [string, Reason][] = [
  [
    'a lock file that can not be removed is no failure of what was done',
    { words: backup, at: { kind: 'unlink', place: 'locks/', call: 1 }, action: '5', lasting: true, code: 0, reason: /^$/ },
  ],
  [
    'a lock that the system refuses is named',
    {
      words: backup,
      at: { kind: 'flock', place: 'locks/', call: 1 },
      action: '37',
      code: 100,
      reason: /Cannot lock .*\.lock: .*ENOLCK/,
    },
  ],
  [
    'a disk that is too full for a folder of blobs is called full',
    {
      words: backup,
      at: { kind: 'mkdir', place: 'data', call: 1 },
      action: '28',
      lasting: true,
      code: 6,
      reason: /ENOSPC.* Free space on the file system of the data backend\./,
    },
  ],
  [
    'the name of a new target that does not get durable is named',
    {
      words: restore,
      at: { kind: 'fsync', place: 'other', call: 1 },
      action: '5',
      code: 100,
      reason: /the name .*target durable: EIO/,
    },
  ],
];

describe.skipIf(skip)('the message after a fault', () => {
  test.each(REASONS)(`%s${note}`, async (_, { words, at, action, lasting = false, code, reason }) => {
    const lab = await model.clone('linked');
    try {
      const { result, struck } = await runWithFault({ lab, library }, words(lab), {
        ...at,
        fault: { name: 'fault', action, lasting },
      });
      expect(struck).toBe(true);
      expect(result).toMatchObject({ code, stderr: expect.stringMatching(reason) });
      // Leftovers block nobody.
      await lab.ok('backup', `file://${lab.path('source')}`, 'another');
      await lab.ok('cleanup', '-f');
    } finally {
      lab.remove();
    }
  });

  test(`an upgrade that is done but whose end is not durable is not reported as undone${note}`, async () => {
    const upgrade = OPERATIONS.find(({ name }) => name === 'upgrade');
    const lab = (await upgrade?.prepare('classic'))?.lab;
    if (upgrade === undefined || lab === undefined) throw new Error('there is no operation upgrade');
    try {
      // The folder's fsyncs: two for the copy, one at the journal's beginning, one at its end.
      const at = { kind: 'fsync', place: 'other', call: 4, fault: { name: 'EIO', action: '5' } } as const;
      const { result } = await runWithFault({ lab, library }, upgrade.command(lab), at);
      expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/failed at its end: .*DIR_FSYNC/) });
      await upgrade.finish(lab);
    } finally {
      lab.remove();
    }
  });
});
