import { BackyError, EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { checkTarget } from '../options/check-url.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

export const restoreCommand: Command = {
  name: 'restore',
  description: 'Restore a version to a file, device or RBD image.',
  args: [
    ['<version_uid>', 'version to restore'],
    ['<target>', 'e.g. file:///dev/vg/lv or rbd://pool/image'],
  ],
  options: [
    ['-s, --sparse', 'skip zero blocks; old target data remains'],
    ['-f, --force', 'overwrite an existing file, device or image'],
    ['-c, --continue-from <block_id>', 'resume at this block ("Last ID" in the log)'],
    ['--discard', 'free the space of an existing target first'],
    ACCEPT_DAMAGE,
  ],
  examples: [
    ['backy2 restore UID file:///tmp/web.img', 'Creates a new file.'],
    ['backy2 restore -f UID file:///dev/vg0/web', 'Overwrites a device of at least that size.'],
    ['backy2 restore UID rbd://vms/web-restored', 'Creates an RBD image, in which zero blocks take no space.'],
  ],
  async prepare({ args: [uid = '', target = ''], options }) {
    const from = text(options.continueFrom);
    const request = {
      uid,
      target,
      sparse: flag(options.sparse),
      force: flag(options.force),
      discard: flag(options.discard),
      fromId: Math.max(0, from === undefined ? 0 : parseWhole(from, '-c')),
      acceptDamage: flag(options.acceptDamage),
    };
    if (request.discard && request.fromId > 0) {
      throw new BackyError('usage', 'restore: --discard would destroy what -c keeps.', { hint: 'Leave one of them out.' });
    }
    await checkTarget(target);
    return async ({ backy, note, watch }) => {
      watch('restore', target);
      const onLastId = (id: number) => note({ uid, continueFrom: Math.max(0, id) });
      const result = await backy.restore({ ...request, onLastId });
      return { result: { ...result }, exitCode: result.complete && result.errors.length === 0 ? 0 : EXIT_CODES.blocksBad };
    };
  },
};
