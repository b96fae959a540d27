import type { Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { BackyError, messageOf } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Channel } from './channel.ts';
import { ClientFault } from './client-fault.ts';
import type { NbdExports } from './disk.ts';
import { shakeHands } from './handshake.ts';
import type { NbdLimits } from './limits.ts';
import type { Agreement } from './negotiation.ts';
import type { Place } from './places.ts';
import { Transmission } from './transmission.ts';
import type { TransmissionMemory } from './transmission-memory.ts';

/** Shared by the connections of a server. */
export interface Served {
  exports: NbdExports;
  logger: Logger;
  limits: NbdLimits;
  memory: TransmissionMemory;
  /** If it is given, clients must use TLS. */
  tls?: TlsOptions | undefined;
}

/** Time for a client to take what is still buffered when its connection ends. */
const LAST_ANSWER_MS = 5000;

/**
 * Serves one client until it disconnects, and gives its place back. Never rejects: failures are
 * logged.
 */
export async function serveConnection(socket: Socket, served: Served, place: Place): Promise<void> {
  const { exports, logger, limits, memory, tls } = served;
  const channel = new Channel(socket);
  let agreement: Agreement | undefined;
  let isClean = false;
  try {
    agreement = await shakeHands(channel, { exports, limits, place, tls });
    if (agreement === undefined) return;
    logger.info(`A client opened ${agreement.name === '' ? 'the default export' : agreement.name}.`);
    isClean = (await new Transmission(channel, agreement, { limits, memory }).run()) === 'disconnect';
  } catch (error) {
    const message = `A client was disconnected: ${messageOf(error)}`;
    if (error instanceof ClientFault) logger.warning(message);
    else logger.error(message);
    if (!(error instanceof ClientFault || error instanceof BackyError))
      logger.debug(error instanceof Error ? (error.stack ?? '') : String(error));
  } finally {
    place.leave();
    endSoon(channel.socket);
    await agreement?.disk.close(isClean).catch((error: unknown) => logger.error(messageOf(error)));
  }
}

/** Sends what is still buffered, but not to a client that reads nothing. */
function endSoon(socket: Socket): void {
  socket.destroySoon();
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), LAST_ANSWER_MS);
  socket.once('close', () => clearTimeout(timer));
}
