import { BackyError } from '../../errors.ts';

/** The error for an object of the catalogue that is damaged or missing. */
export function damagedObject(name: string, why: string, cause?: unknown): BackyError {
  return new BackyError('catalogueDamaged', `The object ${name} of the catalogue ${why}.`, {
    hint: 'If the database has its version, write it again: backy2 catalogue --sync',
    data: { path: name },
    cause,
  });
}

/** The error for an object that can't be opened without the right key. */
export function missingKey(why: string): BackyError {
  return new BackyError('encryption', `The catalogue in the data backend is encrypted, and ${why}.`, {
    hint: 'Set encryption_key in section DEFAULTS to the key of this store, or name its recovery key.',
  });
}
