import { BackyError } from '../errors.ts';

/** A change of the database failed because its file system is full. Nothing was changed. */
export class NoRoomError extends BackyError {
  /** Why, for messages of others. */
  readonly reason: string;

  constructor(message: string, { reason, hint, cause }: { reason: string; hint: string; cause: unknown }) {
    super('database', `${message}: ${reason}.`, { hint, cause });
    this.reason = reason;
  }
}
