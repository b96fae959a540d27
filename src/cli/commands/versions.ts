import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { flag } from '../options/option-values.ts';
import { parseDate } from '../options/parse-values.ts';

const UID: [string, string] = ['<version_uid>', 'the version'];
const TAGS: [string, string] = ['<tags>', 'tags, comma separated'];

export const rmCommand: Command = {
  name: 'rm',
  description: 'Remove versions. Their space is freed by cleanup.',
  args: [['<version_uids...>', 'the versions to remove']],
  options: [['-f, --force', 'remove versions that are younger than disallow_rm_when_younger_than_days as well']],
  async run({ args: uids, options, backy, note }) {
    const removed: unknown[] = [];
    note({ removed });
    for (const uid of uids) removed.push(await backy.remove(uid, flag(options.force)));
    return { result: { removed } };
  },
};

export const protectCommand: Command = {
  name: 'protect',
  description: 'Protect a version from removal.',
  args: [UID],
  options: [],
  async run({ args: [uid = ''], backy }) {
    await backy.setProtected(uid, true);
    return { result: { uid, protected: true } };
  },
};

export const unprotectCommand: Command = {
  name: 'unprotect',
  description: 'Lift the protection of a version.',
  args: [UID],
  options: [],
  async run({ args: [uid = ''], backy }) {
    await backy.setProtected(uid, false);
    return { result: { uid, protected: false } };
  },
};

export const addTagCommand: Command = {
  name: 'add-tag',
  description: 'Add tags to a version.',
  args: [UID, TAGS],
  options: [],
  async run({ args: [uid = '', names = ''], backy, warn }) {
    const tags = await tagsOf(names);
    if (tags.length === 0) warn('No tag was named, so none was added.');
    const { changed, tags: now } = await backy.addTags(uid, tags);
    return { result: { uid, added: changed, tags: now } };
  },
};

export const removeTagCommand: Command = {
  name: 'remove-tag',
  description: 'Remove tags from a version.',
  args: [UID, TAGS],
  options: [],
  async run({ args: [uid = '', names = ''], backy }) {
    const tags = await tagsOf(names);
    if (tags.length === 0) {
      throw new BackyError('failed', 'No tag was named, so none was removed.', {
        hint: `Name them: backy2 remove-tag ${uid} TAG,TAG`,
      });
    }
    const { changed, tags: now } = await backy.removeTags(uid, tags);
    return { result: { uid, removed: changed, tags: now } };
  },
};

export const expireCommand: Command = {
  name: 'expire',
  description: 'Set the expire date of a version.',
  args: [UID, ['<expire>', 'YYYY-MM-DD or "YYYY-MM-DD HH:MM:SS" (UTC); \'\' clears it']],
  options: [],
  examples: [['backy2 expire UID "$(date -d "today + 7 days" +%F)"', 'Lets the version go in a week.']],
  async run({ args: [uid = '', date = ''], backy }) {
    const expire = date === '' ? null : parseDate(date);
    await backy.setExpire(uid, expire);
    return { result: { uid, expire } };
  },
};

/** The reader of CSV is loaded only where tags are named. */
async function tagsOf(names: string): Promise<string[]> {
  const { parseTags } = await import('../options/parse-tags.ts');
  return parseTags(names);
}
