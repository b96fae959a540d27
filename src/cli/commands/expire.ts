import type { Command } from '../command.ts';
import { parseDate } from '../options/parse-values.ts';

export const expireCommand: Command = {
  name: 'expire',
  description: 'Set the expire date of a version.',
  changesVersions: true,
  args: [
    ['<version_uid>', 'version to change'],
    ['<expire>', 'YYYY-MM-DD or "YYYY-MM-DD HH:MM:SS" (UTC); \'\' clears the date'],
  ],
  options: [],
  examples: [['backy2 expire UID "$(date -d "today + 7 days" +%F)"', 'Lets the version expire in a week.']],
  prepare({ args: [uid = '', date = ''] }) {
    const expire = date === '' ? null : parseDate(date);
    return async ({ backy }) => {
      await backy.setExpire(uid, expire);
      return { result: { uid, expire } };
    };
  },
};
