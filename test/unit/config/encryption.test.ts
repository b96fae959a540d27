import { expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

const loadText = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', text);
  return loadConfig('backy.cfg', env);
};
const load = (...options: string[]) => loadText(['[DEFAULTS]', ...options].join('\n'));
const errorOf = (...options: string[]) => configErrorOf(() => load(...options)).message;
const KEY = 'decafbad'.repeat(8);

test('version 0 needs no key, and ignores a malformed one', () => {
  for (const key of ['', 'abc', 'x%y', KEY.slice(1)]) {
    expect(load('encryption_version: 0', `encryption_key: ${key}`)).toMatchObject({
      encryptionKey: undefined,
      encryptionVersion: 0,
    });
  }
});

test('version 0 keeps a valid key', () => {
  expect(load('encryption_version: 0', `encryption_key: ${KEY}`)).toMatchObject({ encryptionKey: KEY, encryptionVersion: 0 });
});

test('without a key, version 1 is no error yet, and without both options version 0 is assumed', () => {
  const none = { encryptionKey: undefined };
  expect(load('encryption_version: 1')).toMatchObject({ ...none, encryptionVersion: 1, encryptionAssumed: false });
  const assumed = { ...none, encryptionVersion: 0, encryptionAssumed: true };
  for (const text of ['', '[DEFAULTS]', '[DEFAULTS]\nencryption_key:']) expect(loadText(text)).toMatchObject(assumed);
});

test.each(['abc', KEY.slice(2), `${KEY}00`, `${KEY.slice(1)}x`])(
  'a malformed key is an error that does not show it: %s',
  (key) => {
    const message = errorOf('encryption_version: 1', `encryption_key: ${key}`);
    expect(message).toBe('backy.cfg: [DEFAULTS] encryption_key: the value (not shown) is not 64 hex digits (32 bytes).');
  },
);

test.each([[['encryption_version: 1']], [[]]])(
  'with a key, version 1 is written when it is asked for, and when none is: %j',
  (version) => {
    const encryption = { encryptionKey: KEY, encryptionVersion: 1, encryptionAssumed: false };
    expect(load(...version, `encryption_key: ${KEY}`)).toMatchObject(encryption);
  },
);

test.each(['2', '', 'newest'])('there is no encryption version "%s"', (version) => {
  expect(errorOf(`encryption_version: ${version}`)).toBe(
    `backy.cfg: [DEFAULTS] encryption_version: "${version}" is not one of 0, 1.`,
  );
});
