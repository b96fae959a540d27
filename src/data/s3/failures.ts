import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { TransientFailure } from '../transient-failure.ts';
import { type Answer, answerOf, explanationOf, isNamed, isPassingAnswer, type Place, quote, SECTION } from './refusals.ts';

/**
 * An answer with status 200 that no S3 server gives: the error page of a proxy, or another web
 * server.
 */
export class StrangeAnswer extends Error {
  constructor() {
    super('it does not answer as an S3 server does');
    this.name = 'StrangeAnswer';
  }
}

const NETWORK = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN'],
  ...['EAI_AGAIN', 'ENOTFOUND', 'EADDRNOTAVAIL', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_CONSTANT', 'ERR_SOCKET_CLOSED'],
]);

const TLS = /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$)/;

/**
 * Whether a request failed because there is no such object. Any other 404 may come from a proxy, or
 * mean a missing bucket.
 */
export function isMissingKey(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchKey';
}

/**
 * The error for a failed request: what failed, why, and what to do. A {@link TransientFailure} if a
 * retry may help. For a request that the caller aborted, the reason of the abort.
 */
export function nameFailure(
  what: string,
  error: unknown,
  { place, signal }: { place: Place; signal?: AbortSignal | undefined },
): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof BackyError) return error;
  const answer = answerOf(error);
  const explain = explanationOf(answer);
  if (explain !== undefined) {
    const { message, hint } = explain(place, answer);
    return new BackyError('dataBackend', `${what}: ${message}.`, { hint, cause: error });
  }
  const reason = reasonOf(error, answer, place);
  const code = errnoOf(error) ?? '';
  if (TLS.test(code))
    return new BackyError('dataBackend', `${what}: no TLS connection to ${place.endpoint}: ${tlsReason(error)}.`, {
      hint: 'Name its certificate authority in NODE_EXTRA_CA_CERTS, check the host name, or use http:// (use_ssl or secure: false) if the server has no TLS.',
      cause: error,
    });
  if (isPassing(error, answer)) return new TransientFailure(`${what}: ${reason}.`, { hint: networkHint(code), cause: error });
  return new BackyError('dataBackend', `${what}: ${reason}.`, { hint: serverHint(answer), cause: error });
}

/** OpenSSL's messages are lines of numbers; the reason is beside them. */
function tlsReason(error: unknown): string {
  const { reason } = error as { reason?: unknown };
  return typeof reason === 'string' ? reason : messageOf(error).trim();
}

function isPassing(error: unknown, answer: Answer): boolean {
  if (isPassingAnswer(answer)) return true;
  if (answer.status !== undefined) return false;
  return NETWORK.has(errnoOf(error) ?? '') || isBrokenOff(error);
}

/**
 * A connection that ended within an answer: Node's error for that has a code, the SDK's does not
 * always.
 */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && /^(aborted|socket hang up|Premature close)$/.test(error.message);
}

function reasonOf(error: unknown, answer: Answer, { endpoint }: Place): string {
  const { name, status } = answer;
  if (status !== undefined && status !== 200) return `${endpoint} answers ${quote(answer)}`;
  if (name === 'StrangeAnswer' || status === 200) return `${endpoint} does not answer as an S3 server does`;
  const code = errnoOf(error);
  // If all of several addresses failed, Node's error has a code but no message.
  const message = messageOf(error) || code || name;
  return `${endpoint}: ${message}`;
}

function serverHint(answer: Answer): string {
  if (answer.status === 403 && isNamed(answer)) return `The documentation of the server explains ${answer.name}.`;
  return `Check the server and bucket ${SECTION}.`;
}

function networkHint(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `Check the server's name ${SECTION}, and the DNS of this host.`;
  return `Check the network, and that the server ${SECTION} is up.`;
}
