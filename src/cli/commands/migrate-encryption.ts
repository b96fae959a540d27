import type { Command } from '../command.ts';
import { BLOCKS_BAD } from './restore.ts';

export const migrateEncryptionCommand: Command = {
  name: 'migrate-encryption',
  description: 'Make a copy of a version whose blobs have the configured encryption_version.',
  args: [['<version_uid>', 'the version to copy']],
  options: [],
  async run({ args: [uid = ''], backy, sayMachine, watch }) {
    const result = await backy.migrateEncryption({
      uid,
      onVersion: (version) => {
        watch('migrate', `${version.name} (${version.uid})`);
        sayMachine(version.uid);
      },
    });
    const done = { result: { ...result }, machineLines: [result.uid] };
    if (result.errors.length > 0) return { ...done, exitCode: BLOCKS_BAD };
    return { ...done, message: `New version: ${result.uid} (Tags: [${result.tags.join(',')}])` };
  },
};
