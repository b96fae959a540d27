import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { configErrorOf, makeSandbox } from './sandbox.ts';

const GOOD = `[DEFAULTS]
logfile: backy.log
block_size: 4096
hash_function: sha512
lock_dir: locks
process_name: b202
disallow_rm_when_younger_than_days: 0
deduplication: 1
encryption_version: 0

[MetaBackend]
type: backy2.meta_backends.sql
engine: sqlite:///backy.sqlite

[DataBackend]
type: backy2.data_backends.file
path: data
simultaneous_writes: 1
simultaneous_reads: 1

[daily]
interval: 1d
keep: 2
sla: 6h
`;
const VERSION = 'encryption_version: 0';

const load = (text: string) => {
  const { env, write } = makeSandbox();
  write('cwd/backy.cfg', text);
  return loadConfig('backy.cfg', env);
};
/** The good config with one text replaced; fails if that changes nothing. */
const changed = (from: string, to: string) => {
  expect(GOOD).toContain(from);
  return GOOD.replace(from, to);
};

test('the config that all others are made from is good', () => {
  expect(load(GOOD).warnings).toEqual([]);
});

describe('what failed with the original fails here in one clear line', () => {
  test.each([
    ['empty file', () => ''],
    ['no INI file', () => 'hello world\n'],
    ['block_size is no number', () => changed('block_size: 4096', 'block_size: abc')],
    ['unknown hash function', () => changed('sha512', 'nope')],
    ['encryption version 1 without a key', () => changed(VERSION, 'encryption_version: 1')],
    ['neither encryption version nor key', () => changed(VERSION, '')],
    ['short key', () => changed(VERSION, 'encryption_version: 1\nencryption_key: decafbad')],
    ['key that is not hexadecimal', () => changed(VERSION, 'encryption_version: 1\nencryption_key: nothex')],
    ['encryption version 2', () => changed(VERSION, 'encryption_version: 2')],
    ['unknown meta backend', () => changed('meta_backends.sql', 'meta_backends.nope')],
    ['unknown data backend', () => changed('data_backends.file', 'data_backends.nope')],
    ['engine that is no URL', () => changed('sqlite:///backy.sqlite', 'nonsense')],
    ['engine without a driver', () => changed('sqlite:///backy.sqlite', 'mysql://localhost/backy')],
    ['deduplication is no boolean', () => changed('deduplication: 1', 'deduplication: maybe')],
    ['percent sign', () => changed('backy.log', 'backy%.log')],
    ['comment behind a value', () => changed('block_size: 4096', 'block_size: 4096 ; comment')],
    ['section twice', () => `${GOOD}[DEFAULTS]\n`],
    ['option twice', () => changed('block_size: 4096', 'block_size: 4096\nblock_size: 4096')],
  ])('%s', (_name, text) => {
    const error = configErrorOf(() => load(text()));
    expect(error.exitCode).toBe(1);
    expect(error.message).toMatch(/^backy\.cfg:[^\n]+$/);
  });
});

describe('a missing option failed with the original, and has a default here', () => {
  test.each([
    'logfile: backy.log',
    'block_size: 4096',
    'lock_dir: locks',
    'path: data',
    'simultaneous_writes: 1',
    'type: backy2.data_backends.file',
  ])('%s', (line) => {
    expect(load(changed(line, '')).warnings).toEqual([]);
  });
});
