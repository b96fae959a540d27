import type { NbdLimits } from './limits.ts';
import { SharedBytes } from './shared-bytes.ts';

/** Memory for the requests of all connections of a server. */
export class TransmissionMemory {
  /** For data of writes, from before it is received until the write has ended. */
  readonly writes: SharedBytes;
  /** Bytes of all requests in flight. */
  inFlightBytes = 0;

  constructor({ writeBytes }: Pick<NbdLimits, 'writeBytes'>) {
    this.writes = new SharedBytes(writeBytes);
  }
}
