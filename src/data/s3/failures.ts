import { BackyError, errnoOf, messageOf } from '../../errors.ts';
import { TransientFailure } from '../transient-failure.ts';

/** A bucket of a server. */
export interface Place {
  bucket: string;
  endpoint: string;
}

/** The useful part of the SDK's errors. radosgw's messages are empty; names and status are not. */
interface Answer {
  name: string;
  status: number | undefined;
  headers: Record<string, string>;
}

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

type Explain = (place: Place, answer: Answer) => { message: string; hint: string };

const SECTION = 'in section DataBackend';

/** Refusals, by the name of the error: the same request would fail again. */
const REFUSALS: Record<string, Explain> = {
  NoSuchBucket: ({ bucket, endpoint }) => ({
    message: `there is no bucket "${bucket}" at ${endpoint}`,
    hint: `Create it, or check bucket_name and the server ${SECTION}.`,
  }),
  InvalidAccessKeyId: ({ endpoint }) => ({
    message: `${endpoint} does not know the access key`,
    hint: `Check aws_access_key_id ${SECTION}.`,
  }),
  SignatureDoesNotMatch: ({ endpoint }) => ({
    message: `${endpoint} refuses the signature: the secret key is wrong`,
    hint: `Check aws_secret_access_key ${SECTION}.`,
  }),
  RequestTimeTooSkewed: ({ endpoint }, { headers }) => ({
    message: `${endpoint} refuses the time of the request: the clock of this host is wrong${skew(headers.date)}`,
    hint: 'Set the clock, and synchronise it with NTP.',
  }),
  AccessDenied: ({ bucket, endpoint }) => ({
    message: `${endpoint} denies the access to bucket "${bucket}"`,
    hint: 'The user needs s3:ListBucket on it, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects.',
  }),
  QuotaExceeded: ({ bucket, endpoint }) => ({
    message: `the quota of bucket "${bucket}" or of its user at ${endpoint} is used up`,
    hint: 'Raise it, or remove versions and run backy2 cleanup.',
  }),
  PermanentRedirect: otherRegion,
  AuthorizationHeaderMalformed: otherRegion,
  CredentialsProviderError: () => ({
    message: 'there is no access key',
    hint: `Set aws_access_key_id and aws_secret_access_key, or the files that hold them, ${SECTION}.`,
  }),
};

const SAME: Record<string, string> = {
  ExpiredToken: 'InvalidAccessKeyId',
  InvalidToken: 'InvalidAccessKeyId',
  InvalidSecurity: 'InvalidAccessKeyId',
  AllAccessDisabled: 'AccessDenied',
  Forbidden: 'AccessDenied',
  UserSuspended: 'AccessDenied',
  ExpiredRequest: 'RequestTimeTooSkewed',
  RequestExpired: 'RequestTimeTooSkewed',
};

/**
 * Temporary refusals: an overloaded or restarting server, a body that was damaged or cut in
 * transit.
 */
const PASSING = new Set([
  ...['InternalError', 'SlowDown', 'ServiceUnavailable', 'RequestTimeout', 'BadDigest', 'IncompleteBody', 'OperationAborted'],
  ...['Throttling', 'ThrottlingException', 'TooManyRequests', 'BandwidthLimitExceeded', 'RequestTimeoutException'],
  ...['CutBody', 'StalledConnection', 'StrangeAnswer', 'TimeoutError', 'XAmzContentSHA256Mismatch'],
]);
const PASSING_STATUS = new Set([404, 408, 429, 500, 502, 503, 504]);

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
  const explain = REFUSALS[SAME[answer.name] ?? answer.name] ?? (answer.status === 403 ? REFUSALS.AccessDenied : undefined);
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
  return new BackyError('dataBackend', `${what}: ${reason}.`, { hint: `Check the server and bucket ${SECTION}.`, cause: error });
}

/** OpenSSL's messages are lines of numbers; the reason is beside them. */
function tlsReason(error: unknown): string {
  const { reason } = error as { reason?: unknown };
  return typeof reason === 'string' ? reason : messageOf(error).trim();
}

function isPassing(error: unknown, { name, status }: Answer): boolean {
  if (PASSING.has(name) || PASSING_STATUS.has(status ?? 0)) return true;
  if (status !== undefined) return false;
  return NETWORK.has(errnoOf(error) ?? '') || isBrokenOff(error);
}

/**
 * A connection that ended within an answer: Node's error for that has a code, the SDK's does not
 * always.
 */
function isBrokenOff(error: unknown): boolean {
  return error instanceof Error && /^(aborted|socket hang up|Premature close)$/.test(error.message);
}

function reasonOf(error: unknown, { name, status }: Answer, { endpoint }: Place): string {
  if (status !== undefined && status !== 200) return `${endpoint} answers ${status}${name === 'UnknownError' ? '' : ` ${name}`}`;
  if (name === 'StrangeAnswer' || status === 200) return `${endpoint} does not answer as an S3 server does`;
  const code = errnoOf(error);
  // If all of several addresses failed, Node's error has a code but no message.
  const message = messageOf(error) || code || name;
  return `${endpoint}: ${message}`;
}

function networkHint(code: string): string {
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `Check the server's name ${SECTION}, and the DNS of this host.`;
  return `Check the network, and that the server ${SECTION} is up.`;
}

function otherRegion({ bucket }: Place, { headers }: Answer): { message: string; hint: string } {
  const region = headers['x-amz-bucket-region'];
  return {
    message: `bucket "${bucket}" is in another region${region === undefined ? '' : `, ${region}`}`,
    hint: `Set region_name ${SECTION} to the bucket's region.`,
  };
}

function skew(date: string | undefined): string {
  const seconds = Math.round((Date.now() - Date.parse(date ?? '')) / 1000);
  if (Number.isNaN(seconds)) return '';
  return `, by ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`;
}

function answerOf(error: unknown): Answer {
  const {
    name = '',
    $metadata,
    $response,
  } = (error ?? {}) as {
    name?: string;
    $metadata?: { httpStatusCode?: number };
    $response?: { headers?: Record<string, string>; statusCode?: number };
  };
  return { name, status: $metadata?.httpStatusCode ?? $response?.statusCode, headers: $response?.headers ?? {} };
}
