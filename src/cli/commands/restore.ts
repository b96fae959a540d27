import { BackyError } from '../../errors.ts';
import type { Command } from '../command.ts';
import { ACCEPT_DAMAGE } from '../options/accept-damage.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';

export const restoreCommand: Command = {
  name: 'restore',
  description: 'Restore a version to a file, device or RBD image.',
  args: [
    ['<version_uid>', 'the version to restore'],
    ['<target>', 'where to, e.g. file:///dev/vg/lv or rbd://pool/image'],
  ],
  options: [
    ['-s, --sparse', 'do not write zero blocks (the target reads as zeros already, or its old content may stay there)'],
    ['-f, --force', 'overwrite an existing file, device or image'],
    ['-c, --continue-from <block_id>', 'skip blocks below this id ("Last ID" of an earlier try), which the target must have'],
    ACCEPT_DAMAGE,
  ],
  examples: [
    ['backy2 restore UID file:///tmp/web.img', 'Makes a new file.'],
    ['backy2 restore -f UID file:///dev/vg0/web', 'Overwrites a device, which must be large enough.'],
    ['backy2 restore UID rbd://vms/web-restored', 'Makes a new RBD image; zero blocks take no space in it.'],
  ],
  async run({ args: [uid = '', target = ''], options, backy, note, watch }) {
    const from = text(options.continueFrom);
    const fromId = Math.max(0, from === undefined ? 0 : parseWhole(from, '-c'));
    watch('restore', target);
    const result = await backy.restore({
      uid,
      target,
      sparse: flag(options.sparse),
      force: flag(options.force),
      fromId,
      acceptDamage: flag(options.acceptDamage),
      onLastId: (id) => note({ uid, continueFrom: Math.max(0, id) }),
    });
    return { result: { ...result }, exitCode: result.complete && result.errors.length === 0 ? 0 : BLOCKS_BAD };
  },
};

/** The exit code for blocks that are wrong or missing. */
export const BLOCKS_BAD = new BackyError('blocksBad', '').exitCode;
