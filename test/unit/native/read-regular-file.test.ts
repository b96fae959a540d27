import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAccessKey } from '../../../src/data/s3/access-key.ts';
import { encryptionsToTry } from '../../../src/meta/postgresql/tls.ts';
import { readRegularFile } from '../../../src/native/read-regular-file.ts';

test('a file is read; what could block is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'backy2-regular-'));
  writeFileSync(join(folder, 'key'), 'secret\n');
  expect(readRegularFile(join(folder, 'key'))).toBe('secret\n');
  expect(() => readRegularFile(join(folder, 'none'))).toThrow('ENOENT');
  expect(() => readRegularFile(folder)).toThrow(`${folder} is not a regular file`);
  rmSync(folder, { recursive: true });
  expect(() => readRegularFile('/dev/null')).toThrow('/dev/null is not a regular file');
});

test('keys of S3 and certificates of PostgreSQL are read so', () => {
  const credentials = { accessKeyId: { text: 'id' }, secretAccessKey: { file: '/dev/null' } };
  const options = { credentials } as Parameters<typeof readAccessKey>[0];
  expect(() => readAccessKey(options)).toThrow('/dev/null is not a regular file');
  const address = {
    host: 'h',
    options: new Map([
      ['sslmode', 'verify-ca'],
      ['sslrootcert', '/dev/null'],
    ]),
  };
  expect(() => encryptionsToTry(address as unknown as Parameters<typeof encryptionsToTry>[0])).toThrow(
    '/dev/null is not a regular file',
  );
});
