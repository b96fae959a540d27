import type { BlockComparison } from '../../core/reports/diff-meta.ts';
import type { Command } from '../command.ts';

export const diffMetaCommand: Command = {
  name: 'diff-meta',
  description: 'Compare two versions block by block, by their metadata.',
  args: [
    ['<version_uid1>', 'the left version'],
    ['<version_uid2>', 'the right version'],
  ],
  options: [],
  async run({ args: [left = '', right = ''], backy }) {
    const pages = backy.diffMeta(left, right);
    return { text: toLines(pages), items: toItems(pages) };
  },
};

/** `SAME      3`: scripts cut these lines, in tables and with `-m` alike. */
async function* toLines(pages: AsyncIterable<BlockComparison[]>): AsyncIterableIterator<string> {
  for await (const page of pages) yield page.map(({ change, id }) => `${change.padEnd(9)} ${id}\n`).join('');
}

async function* toItems(pages: AsyncIterable<BlockComparison[]>): AsyncIterableIterator<Record<string, unknown>> {
  for await (const page of pages) for (const { id, change } of page) yield { block: id, difference: change };
}
