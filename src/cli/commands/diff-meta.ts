import type { BlockComparison } from '../../core/reports/diff-meta.ts';
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
async function* toLines(pages: AsyncIterable<BlockComparison[]>): AsyncIterableIterator<string> {
  for await (const page of pages) yield page.map(({ change, id }) => `${change.padEnd(9)} ${id}\n`).join('');
}

async function* toItems(pages: AsyncIterable<BlockComparison[]>): AsyncIterableIterator<Record<string, unknown>> {
  for await (const page of pages) for (const { id, change } of page) yield { block: id, difference: change };
}
