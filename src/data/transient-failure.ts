import { BackyError, type ErrorDetails } from '../errors.ts';

/**
 * A failure of a data backend that may pass: a lost connection, an overloaded server. Worth a
 * retry.
 */
export class TransientFailure extends BackyError {
  constructor(message: string, details: Omit<ErrorDetails, 'exitCode'> = {}) {
    super('dataBackend', message, details);
  }
}
