import { BackyError, messageOf } from '../../errors.ts';
import { readRegularFile } from '../../native/read-regular-file.ts';
import type { GivenText, S3BackendOptions } from '../options.ts';

/** The two halves of an access key. */
export interface AccessKey {
  accessKeyId: string;
  secretAccessKey: string;
}

/**
 * Reads the configured access key, from its files if it is in files. Undefined if the SDK finds one
 * in the environment.
 * @throws BackyError `config` when a file can't be read.
 */
export function readAccessKey({ credentials }: S3BackendOptions): AccessKey | undefined {
  if (credentials === undefined) return undefined;
  return {
    accessKeyId: textOf(credentials.accessKeyId, 'aws_access_key_id_file'),
    secretAccessKey: textOf(credentials.secretAccessKey, 'aws_secret_access_key_file'),
  };
}

/** Where a user looks for each half of the key. */
export interface KeyPlaces {
  id: string;
  secret: string;
}

/** The places of the key, as messages name them. */
export function placesOfKey({ credentials }: S3BackendOptions): KeyPlaces {
  if (credentials === undefined) {
    const environment = 'the key of the environment (AWS_ACCESS_KEY_ID, the AWS files of the user, the role of the machine)';
    return { id: environment, secret: environment };
  }
  const place = (option: string, given: GivenText) =>
    'file' in given ? `${given.file} (${option}_file in section DataBackend)` : `${option} in section DataBackend`;
  return {
    id: place('aws_access_key_id', credentials.accessKeyId),
    secret: place('aws_secret_access_key', credentials.secretAccessKey),
  };
}

function textOf(given: GivenText, option: string): string {
  if ('text' in given) return given.text;
  let text: string;
  try {
    text = readRegularFile(given.file).trim();
  } catch (error) {
    throw new BackyError('config', `Cannot read the ${option} of section DataBackend: ${messageOf(error)}`, {
      hint: 'Check the path and the permissions of the file.',
      cause: error,
    });
  }
  if (text !== '' && !/\s/.test(text)) return text;
  throw new BackyError(
    'config',
    `${given.file} (${option} of section DataBackend) must hold the key, on one line, and nothing else.`,
  );
}
