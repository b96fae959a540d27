import { BackyError } from '../../errors.ts';
import type { Invocation, WordSpec } from '../command.ts';
import { flag } from './option-values.ts';

/** The option of commands that work without a database. */
export const FROM_STORE: WordSpec = ['--from-store', 'read the catalogue in the store instead of the database'];

/** Refuses options that need the database. @param unfit their names, and as they are typed. */
export function refuseWithFromStore(
  command: string,
  { options }: Pick<Invocation, 'options'>,
  unfit: readonly (readonly [name: string, typed: string])[],
): void {
  if (!flag(options.fromStore)) return;
  const found = unfit.find(([name]) => options[name] !== undefined);
  if (found === undefined) return;
  throw new BackyError('usage', `${command}: ${found[1]} needs the database, and cannot be combined with --from-store.`, {
    hint: 'Make the database first with: backy2 rebuild-db',
  });
}
