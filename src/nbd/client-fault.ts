/** A client is disconnected for something that it did or failed to do. No failure of the server. */
export class ClientFault extends Error {
  constructor(why: string, cause?: unknown) {
    super(why, cause === undefined ? undefined : { cause });
    this.name = 'ClientFault';
  }
}
