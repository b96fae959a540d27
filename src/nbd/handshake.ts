import type { TlsOptions } from 'node:tls';
import type { Channel } from './channel.ts';
import type { NbdExports } from './disk.ts';
import type { NbdLimits } from './limits.ts';
import { type Agreement, Negotiation } from './negotiation.ts';
import { HANDSHAKE, MAX_OPTION_BYTES, NBD_MAGIC, OPTION_MAGIC } from './numbers.ts';
import { handshakePatience } from './patience.ts';
import type { Place } from './places.ts';

/** The connection that a handshake is about. */
export interface HandshakeOptions {
  exports: NbdExports;
  limits: NbdLimits;
  place: Place;
  /** If it is given, clients must use TLS. */
  tls?: TlsOptions | undefined;
}

/**
 * Talks with a client until it has opened an export. Returns undefined if it disconnected or does
 * not speak the protocol. Rejects with a ClientFault if it was too slow or sent too much.
 */
export async function shakeHands(
  channel: Channel,
  { exports, limits, place, tls }: HandshakeOptions,
): Promise<Agreement | undefined> {
  const patience = handshakePatience(limits);
  const send = (bytes: Buffer) => channel.send(bytes, limits.handshakeStepMs);
  const take = async (count: number) => {
    const bytes = await channel.incoming.take(count, patience);
    place.heard();
    // Nobody reads the answers to options that are still buffered.
    return channel.socket.destroyed ? undefined : bytes;
  };
  await send(greeting());
  const flags = (await take(4))?.readUInt32BE(0);
  if (flags === undefined || (flags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) return undefined;
  const noZeroes = (flags & HANDSHAKE.noZeroes) !== 0;
  const negotiation = new Negotiation({ exports, noZeroes, send, place, limits, needsTls: tls !== undefined });
  for (;;) {
    const head = await take(16);
    if (head === undefined || head.readBigUInt64BE(0) !== OPTION_MAGIC) return undefined;
    const length = head.readUInt32BE(12);
    const data = length > MAX_OPTION_BYTES ? undefined : await take(length);
    if (data === undefined) return undefined;
    const outcome = await negotiation.option(head.readUInt32BE(8), data);
    if (outcome.next === 'end') return undefined;
    if (outcome.next === 'tls' && tls !== undefined) await channel.secure(outcome.reply, tls, limits.handshakeStepMs);
    if (outcome.next === 'transmission') return outcome.agreement;
  }
}

function greeting(): Buffer {
  const bytes = Buffer.alloc(18);
  bytes.writeBigUInt64BE(NBD_MAGIC, 0);
  bytes.writeBigUInt64BE(OPTION_MAGIC, 8);
  bytes.writeUInt16BE(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes, 16);
  return bytes;
}
