import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportText } from '../../../../src/core/transfer/export.ts';
import { importFrom } from '../../../../src/core/transfer/import.ts';
import { newBlobUid } from '../../../../src/data/blob-uid.ts';
import { FileBackend } from '../../../../src/data/file/file-backend.ts';
import { BLOCK_SIZE, CoreLab } from '../../../support/labs/core-lab.ts';

const UID = '11111111-2222-1333-8444-555555555555';
const OTHER = '99999999-2222-1333-8444-555555555555';
const SIZES = [BLOCK_SIZE, BLOCK_SIZE, BLOCK_SIZE, 100];

let lab: CoreLab;
/** The lines of the export of a valid version: format, version, blocks. */
let lines: string[];
beforeEach(async () => {
  lab = await CoreLab.create();
  const rows = SIZES.map((size, id) => ({
    ...{ id, uid: newBlobUid(), checksum: `0${id}`, size, encVersion: 0, envKey: null, nonce: null, found: false },
  }));
  for (const { uid, size } of rows) await putBlob(uid, size);
  await lab.wholeVersion(UID, rows);
  let text = '';
  for await (const piece of exportText(lab.context, UID)) text += piece;
  lines = text.trimEnd().split('\r\n');
});
afterEach(() => lab.dispose());

async function putBlob(uid: string, size: number): Promise<void> {
  const backend = new FileBackend({ type: 'file', path: lab.dataPath, durable: false });
  await backend.put(uid, Buffer.alloc(size, uid), lab.context.signal);
  await backend.close();
}

function importing(edited: readonly string[]): Promise<unknown> {
  const url = lab.source(Buffer.from(edited.map((line) => `${line}\r\n`).join('')), 'export');
  return importFrom(lab.context, url.slice('file://'.length), process.stdin);
}

/** All lines with field `field` of line `line` replaced. */
function withField(line: number, field: number, value: string, all: readonly string[] = lines): string[] {
  const fields = (all[line] ?? '').split(',');
  return all.with(line, fields.with(field, value).join(','));
}

/** The last block is as long as the others. */
const longLast = () => withField(FIRST + 3, 5, String(BLOCK_SIZE));

const FIRST = 2;
const BROKEN: [string, () => string[]][] = [
  ['no format', () => lines.slice(1)],
  ['another format', () => lines.with(0, 'backy2 Version 3 metadata dump')],
  ['no version', () => lines.slice(0, 1)],
  ['no blocks', () => lines.slice(0, 2)],
  ['no last block', () => lines.slice(0, -1)],
  ['no first block', () => lines.toSpliced(FIRST, 1)],
  ['no block in the middle', () => lines.toSpliced(FIRST + 1, 1)],
  ['a block twice', () => lines.toSpliced(FIRST, 0, lines[FIRST] ?? '')],
  ['two blocks in the wrong order', () => lines.with(FIRST, lines[FIRST + 1] ?? '').with(FIRST + 1, lines[FIRST] ?? '')],
  [
    'two blocks in the middle in the wrong order',
    () => lines.with(FIRST + 1, lines[FIRST + 2] ?? '').with(FIRST + 2, lines[FIRST + 1] ?? ''),
  ],
  ['a block more', () => [...lines, withField(FIRST + 3, 2, '4')[FIRST + 3] ?? '']],
  ['a block in the middle that is short', () => withField(FIRST + 1, 5, '4095')],
  ['a last block that is longer than the others', () => withField(FIRST + 3, 5, '4097')],
  ['blocks that are shorter than the version', () => withField(FIRST + 3, 5, '99')],
  [
    'fewer blocks than its version, as long as that',
    () => withField(1, 4, '5', withField(1, 5, String(4 * BLOCK_SIZE), longLast())),
  ],
  ['a block of another version', () => withField(FIRST + 1, 1, OTHER)],
  ['a blob uid that leads elsewhere', () => withField(FIRST + 1, 0, '../../../../etc/passwd')],
  ['a checksum without a blob', () => withField(FIRST + 1, 0, '')],
  ['a blob without a checksum', () => withField(FIRST + 1, 4, '')],
  ['an unknown encryption version', () => withField(FIRST + 1, 7, '2')],
  ['a field too few', () => lines.with(FIRST, (lines[FIRST] ?? '').replace(/,[^,]*$/, ''))],
];

describe('a file with', () => {
  beforeEach(() => lab.meta.removeVersion(UID, () => {}));

  it.each(BROKEN)('%s is refused, and nothing is imported', async (_, edit) => {
    await expect(importing(edit())).rejects.toMatchObject({ code: 'badImport', exitCode: 23 });
    expect(await lab.meta.listVersions({})).toEqual([]);
    expect(await lab.meta.countBlocks(UID)).toBe(0);
  });

  it('all that was exported is imported as it was', async () => {
    expect(await importing(lines)).toMatchObject({ uid: UID, valid: true, size: 4 });
    let text = '';
    for await (const piece of exportText(lab.context, UID)) text += piece;
    expect(text.trimEnd().split('\r\n')).toEqual(lines);
  });

  it('a blob that a cleanup is deleting is imported as invalid', async () => {
    await lab.meta.doomCandidates(0, 1, '');
    expect(await importing(lines)).toMatchObject({ valid: false });
    expect((await lab.meta.blockPage(UID, -1, 10)).filter(({ valid }) => !valid)).toHaveLength(1);
  });
});

it('a version that exists is not imported again', async () => {
  await expect(importing(lines)).rejects.toMatchObject({ code: 'versionExists', exitCode: 22 });
});

it.each(['caf\xe9', 'x\xc3'])('text that is not UTF-8 is refused, and nothing is imported: %j', async (name) => {
  const text = withField(1, 0, OTHER, withField(1, 2, name)).join('\r\n');
  const path = lab.source(Buffer.from(text.replaceAll(UID, OTHER), 'latin1'), 'export').slice('file://'.length);
  await expect(importFrom(lab.context, path, process.stdin)).rejects.toMatchObject({
    code: 'badImport',
    message: 'Wrong import format: it is not UTF-8 text.',
  });
  expect(await lab.meta.findVersion(OTHER)).toBeUndefined();
});
