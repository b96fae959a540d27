import type { Socket } from 'node:net';
import { ClientFault } from './client-fault.ts';
import { Incoming } from './incoming.ts';

/** The connection to a client: plain, or encrypted once `secure` was called. */
export class Channel {
  #socket: Socket;
  #incoming: Incoming;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#incoming = new Incoming(socket);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get incoming(): Incoming {
    return this.#incoming;
  }

  /**
   * Sends bytes and waits until the client has taken most of them, so that a client that reads
   * nothing uses no memory. Rejects with a ClientFault after `limitMs`.
   */
  async send(bytes: Buffer, limitMs: number): Promise<void> {
    const socket = this.#socket;
    if (socket.write(bytes) || socket.destroyed) return;
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => () => {
        clearTimeout(timer);
        socket.off('drain', drained).off('close', drained);
        end();
      };
      const drained = settle(resolve);
      const timer = setTimeout(
        settle(() => reject(new ClientFault(`it read no answer for ${limitMs / 1000} s and had not opened an export.`))),
        limitMs,
      );
      socket.on('drain', drained).on('close', drained);
    });
  }
}
