import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rowsInOrder } from '../../../../src/core/blocks/rows-in-order.ts';
import { CoreLab } from '../../../support/labs/core-lab.ts';

let lab: CoreLab;
beforeEach(async () => {
  lab = await CoreLab.create();
  await lab.newVersion('v1', 1);
});
afterEach(() => lab.dispose());

/** Adds sparse rows with the ids `first` to `last`. */
function addRows(first: number, last: number): void {
  lab.sql(`INSERT INTO blocks (version_uid, id, date, size, valid, enc_version)
    WITH RECURSIVE ids(id) AS (SELECT ${first} UNION ALL SELECT id + 1 FROM ids WHERE id < ${last})
    SELECT 'v1', id, '2026-11-23', 0, 1, 0 FROM ids`);
}

/** The ids of rows, and ranges without rows, of a version of `size` blocks. */
async function itemsOf(size: number, fromId = 0): Promise<(number | string)[]> {
  const items: (number | string)[] = [];
  for await (const page of rowsInOrder({ meta: lab.meta, version: { uid: 'v1', size }, fromId })) {
    for (const item of page) items.push('uid' in item ? item.id : `${item.first}+${item.count}`);
  }
  return items;
}

describe('the blocks of a version', () => {
  it('come in order, with ranges in place of rows that are missing', async () => {
    addRows(2, 3);
    addRows(6, 6);
    expect(await itemsOf(10)).toEqual(['0+2', 2, 3, '4+2', 6, '7+3']);
    expect(await itemsOf(10, 3)).toEqual([3, '4+2', 6, '7+3']);
    expect(await itemsOf(7)).toEqual(['0+2', 2, 3, '4+2', 6]);
  });

  it('are one range without any row, and nothing in an empty image', async () => {
    expect(await itemsOf(3)).toEqual(['0+3']);
    expect(await itemsOf(0)).toEqual([]);
  });

  it('end with the image, however many rows are beyond it', async () => {
    addRows(0, 12_000);
    expect((await itemsOf(3)).length).toBe(3);
    expect((await itemsOf(5_000)).length).toBe(5_000);
    expect((await itemsOf(10_001)).at(-1)).toBe(10_000);
  });

  it('end in a range if all rows are beyond the image', async () => {
    addRows(100, 12_000);
    expect(await itemsOf(50)).toEqual(['0+50']);
  });
});
