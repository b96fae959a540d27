import { BackyError, type ErrorDetails } from '../errors.ts';

/** A failure of a data backend that may be gone when the same is asked again: a lost connection, an overloaded server. */
export class TransientFailure extends BackyError {
  constructor(message: string, details: Omit<ErrorDetails, 'exitCode'> = {}) {
    super('dataBackend', message, details);
  }
}
