import { EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { versionLine } from '../output/version-line.ts';

export const migrateEncryptionCommand: Command = {
  name: 'migrate-encryption',
  description: 'Copy a version to the configured encryption_version.',
  changesVersions: true,
  args: [['<version_uid>', 'version to copy']],
  options: [],
  prepare({ args: [uid = ''] }) {
    return async ({ backy, sayMachine, watch }) => {
      const result = await backy.migrateEncryption({
        uid,
        onVersion: (version) => {
          watch('migrate', `${version.name} (${version.uid})`);
          sayMachine(version.uid);
        },
      });
      const outcome = { result: { ...result }, machineLines: [result.uid] };
      if (result.errors.length > 0) return { ...outcome, exitCode: EXIT_CODES.blocksBad };
      return { ...outcome, message: versionLine(result) };
    };
  },
};
