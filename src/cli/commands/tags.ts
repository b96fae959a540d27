import { BackyError } from '../../errors.ts';
import type { Command, WordSpec } from '../command.ts';

const TAGS: WordSpec = ['<tags>', 'tags, comma separated'];

export const addTagCommand: Command = {
  name: 'add-tag',
  description: 'Add tags to a version.',
  changesVersions: true,
  args: [['<version_uid>', 'version to tag'], TAGS],
  options: [],
  async prepare({ args: [uid = '', names = ''] }) {
    const tags = await readTags(names);
    return async ({ backy, warn }) => {
      if (tags.length === 0) warn('No tags were added: the list is empty.');
      const { changed, tags: now } = await backy.addTags(uid, tags);
      return { result: { uid, added: changed, tags: now } };
    };
  },
};

export const removeTagCommand: Command = {
  name: 'remove-tag',
  description: 'Remove tags from a version.',
  changesVersions: true,
  args: [['<version_uid>', 'version with the tags'], TAGS],
  options: [],
  async prepare({ args: [uid = '', names = ''] }) {
    const tags = await readTags(names);
    if (tags.length === 0) {
      throw new BackyError('failed', 'No tags were removed: the list is empty.', {
        hint: `Name the tags: backy2 remove-tag ${uid} TAG,TAG`,
      });
    }
    return async ({ backy }) => {
      const { changed, tags: now } = await backy.removeTags(uid, tags);
      return { result: { uid, removed: changed, tags: now } };
    };
  },
};

/** Loads the CSV parser, which most commands do not need. */
async function readTags(names: string): Promise<string[]> {
  const { parseTags } = await import('../options/parse-tags.ts');
  return parseTags(names);
}
