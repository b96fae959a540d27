import { BackyError, messageOf } from '../../errors.ts';
import type { Command } from '../command.ts';
import { text } from '../options/option-values.ts';
import type { ReadInput } from '../options/read-input.ts';

/** Keeps the old key out of process lists. */
const VARIABLE = 'BACKY2_OLD_KEY';

export const rekeyCommand: Command = {
  name: 'rekey',
  description: 'Wrap all block keys with the new encryption_key.',
  changesVersions: true,
  args: [['[old_key]', `old key; safer: --old-key-file or ${VARIABLE}`]],
  options: [['--old-key-file <file>', 'read the old key from this file (- is stdin)']],
  secretArgs: [0],
  async prepare({ args: [argument], options }, _config, read) {
    const oldKey = await oldKeyFrom(argument, text(options.oldKeyFile), read);
    return async ({ backy }) => ({ result: { ...(await backy.rekey(oldKey)) } });
  },
};

async function oldKeyFrom(argument: string | undefined, file: string | undefined, read: ReadInput): Promise<string> {
  if (argument !== undefined && file !== undefined)
    throw new BackyError('usage', 'Give the old key as an argument or with --old-key-file, not both.');
  const key = argument ?? (file === undefined ? process.env[VARIABLE] : await readKeyFile(file, read));
  if (key === undefined || key === '')
    throw new BackyError('usage', `The old key is missing: give it with --old-key-file FILE or in ${VARIABLE}.`);
  if (/^[0-9a-f]{64}$/i.test(key)) return key;
  throw new BackyError('usage', 'The old key (not shown) is not 64 hex digits (32 bytes).');
}

async function readKeyFile(file: string, read: ReadInput): Promise<string> {
  try {
    return (await read(file)).toString().trim();
  } catch (error) {
    if (error instanceof BackyError) throw error;
    throw new BackyError('failed', `Cannot read the old key from ${file}: ${messageOf(error)}`, {
      hint: 'Check the path given with --old-key-file.',
      cause: error,
    });
  }
}
