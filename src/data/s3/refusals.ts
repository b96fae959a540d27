import type { KeyPlaces } from './access-key.ts';

/** A bucket of a server. */
export interface Place {
  bucket: string;
  endpoint: string;
  key: KeyPlaces;
}

/** The useful part of the SDK's errors. radosgw's messages are empty; names and status are not. */
export interface Answer {
  name: string;
  status: number | undefined;
  /** Of the server's message; may be empty. */
  words: string;
  headers: Record<string, string>;
}

type Explain = (place: Place, answer: Answer) => { message: string; hint: string };

/** Where its options are, for hints. */
export const SECTION = 'in section DataBackend';

/** Refusals, by the name of the error: the same request would fail again. */
const REFUSALS: Record<string, Explain> = {
  NoSuchBucket: ({ bucket, endpoint }) => ({
    message: `there is no bucket "${bucket}" at ${endpoint}`,
    hint: `Create it, or check bucket_name and the server ${SECTION}.`,
  }),
  InvalidAccessKeyId: ({ endpoint, key }) => ({
    message: `${endpoint} does not know the access key`,
    hint: `Check ${key.id}.`,
  }),
  SignatureDoesNotMatch: ({ endpoint, key }) => ({
    message: `${endpoint} refuses the signature: the secret key is wrong`,
    hint: `Check ${key.secret}.`,
  }),
  RequestTimeTooSkewed: ({ endpoint }, { headers }) => ({
    message: `${endpoint} refuses the time of the request: the clock of this host is wrong${skew(headers.date)}`,
    hint: 'Set the clock, and synchronise it with NTP.',
  }),
  AccessDenied: ({ bucket, endpoint }, answer) => ({
    message: `${endpoint} denies the access to bucket "${bucket}" (${quote(answer)})`,
    hint: 'The user needs s3:ListBucket on it, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects.',
  }),
  InvalidObjectState: ({ endpoint }, answer) => ({
    message: `${endpoint} has archived the object (${quote(answer)})`,
    hint: 'Restore it in the storage first, and remove the lifecycle rule that archives objects: blobs must stay readable.',
  }),
  UserSuspended: ({ endpoint }, answer) => ({
    message: `${endpoint} has suspended the user of the access key (${quote(answer)})`,
    hint: 'Ask the administrator of the storage.',
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

/** Whether an answer says that the same request may succeed later. */
export function isPassingAnswer({ name, status }: Answer): boolean {
  return PASSING.has(name) || PASSING_STATUS.has(status ?? 0);
}

/** The name of an answer without one: from a proxy, or to a request without a body. */
const NAMELESS = /^(UnknownError|Unknown|\d*)$/;

/** The explanation of a refusal that is known. */
export function explanationOf({ name, status }: Answer): Explain | undefined {
  return REFUSALS[SAME[name] ?? name] ?? (status === 403 && NAMELESS.test(name) ? REFUSALS.AccessDenied : undefined);
}

/** Whether the server gave a name of the error. */
export function isNamed({ name }: Answer): boolean {
  return !NAMELESS.test(name);
}

/** Status, name and message as the server gave them. */
export function quote(answer: Answer): string {
  const { name, status, words } = answer;
  const code = [status, ...(isNamed(answer) ? [name] : [])].join(' ');
  return words === '' ? code : `${code}: ${words}`;
}

/** Whether the server denies a request about one object or one kind of request. */
export function isDenied(error: unknown): boolean {
  return explanationOf(answerOf(error)) === REFUSALS.AccessDenied;
}

/** Whether a request may have been refused because its access key was replaced. */
export function mayBeOldKey(error: unknown): boolean {
  const { name, status } = answerOf(error);
  return status === 403 || SAME[name] === 'InvalidAccessKeyId';
}

/** Whether the server may not know this kind of request. */
export function lacksRequest(error: unknown): boolean {
  const answer = answerOf(error);
  return [400, 405, 411, 501].includes(answer.status ?? 0) && explanationOf(answer) === undefined && !PASSING.has(answer.name);
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

/** An error of the SDK as the answer that it stands for. */
export function answerOf(error: unknown): Answer {
  const {
    name = '',
    message = '',
    $metadata,
    $response,
  } = (error ?? {}) as {
    name?: string;
    message?: string;
    $metadata?: { httpStatusCode?: number };
    $response?: { headers?: Record<string, string>; statusCode?: number };
  };
  // Without one, the SDK makes up a message.
  const words =
    /^(UnknownError|Unknown)?$/.test(message) || message === name ? '' : message.replace(/\s+/g, ' ').replace(/\.$/, '');
  return { name, status: $metadata?.httpStatusCode ?? $response?.statusCode, words, headers: $response?.headers ?? {} };
}
