import type { Change, ComparedRange } from '../../model/comparison.ts';
import type { Command } from '../command.ts';

export const diffMetaCommand: Command = {
  name: 'diff-meta',
  description: 'Compare the metadata of two versions, block by block.',
  args: [
    ['<version_uid1>', 'left version'],
    ['<version_uid2>', 'right version'],
  ],
  options: [],
  prepare({ args: [left = '', right = ''] }) {
    return async ({ backy }) => {
      const pages = backy.diffMeta(left, right);
      return { text: toLines(pages), items: toItems(pages) };
    };
  },
};

/** `SAME      3`: scripts cut these lines, with `-m` and without. */
async function* toLines(pages: AsyncIterable<ComparedRange[]>): AsyncIterableIterator<string> {
  for await (const page of pages) {
    let text = '';
    for (const { change, id } of blocksOf(page)) text += `${change.padEnd(9)} ${id}\n`;
    yield text;
  }
}

async function* toItems(pages: AsyncIterable<ComparedRange[]>): AsyncIterableIterator<Record<string, unknown>> {
  for await (const page of pages) for (const { id, change } of blocksOf(page)) yield { block: id, difference: change };
}

function* blocksOf(ranges: readonly ComparedRange[]): IterableIterator<{ change: Change; id: number }> {
  for (const { change, first, count } of ranges) for (let id = first; id < first + count; id++) yield { change, id };
}
