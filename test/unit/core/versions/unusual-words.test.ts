import { afterEach, beforeEach, expect, test } from 'vitest';
import { continueVersion, createVersion } from '../../../../src/core/backup/open-version.ts';
import { addTags, setExpire } from '../../../../src/core/versions/edit-version.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const GEOMETRY = { blockSize: BLOCK_SIZE, sizeBytes: BLOCK_SIZE };
const PAST = new Date('2020-01-01T00:00:00Z');
const EXPIRED = 'The expire date 2020-01-01 00:00:00 is in the past: the version is expired at once.';
const EMPTY_TAG = 'One of the tags is empty: "a,,b".';
const TAGS = ['a', '', 'b'];

let lab: CoreLab;
let warnings: string[];
beforeEach(async () => {
  lab = await CoreLab.create();
  warnings = [];
});
afterEach(() => lab.dispose());

const context = () => ({ ...lab.context, logger: { ...silentLogger, warning: (text: string) => warnings.push(text) } });
const opening = (words: { name?: string; tags?: string[]; expire?: Date }) => ({
  request: { source: 'file:///x', name: 'vm', ...words },
  geometry: GEOMETRY,
  locks: [],
});

test.each([
  [{ name: '' }, ['The name of this version is empty.']],
  [{ tags: TAGS }, [EMPTY_TAG]],
  [{ expire: PAST }, [EXPIRED]],
  [{ tags: [], expire: new Date('2030-01-01T00:00:00Z') }, []],
])('a new version with %j is made, with a warning of what is unusual', async (words, expected) => {
  expect(await createVersion(context(), opening({ tags: [], ...words }))).toMatchObject(words);
  expect(warnings).toEqual(expected);
});

test('a version that is continued, tagged, or gets an expire date, warns in the same way', async () => {
  await lab.newVersion('v1', BLOCK_SIZE);
  const words = { tags: TAGS, expire: PAST };
  await continueVersion(context(), { ...opening(words), uid: 'v1', checkSource: async () => {} });
  expect(warnings.splice(0)).toEqual([EMPTY_TAG, EXPIRED]);
  await addTags(context(), 'v1', TAGS);
  await setExpire(context(), 'v1', PAST);
  expect(warnings.splice(0)).toEqual([EMPTY_TAG, EXPIRED]);
  await setExpire(context(), 'v1', null);
  await addTags(context(), 'v1', ['c']);
  expect(warnings).toEqual([]);
});
