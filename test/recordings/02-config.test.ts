import { mkdirSync } from 'node:fs';
import { replay } from './replay.ts';
import type { World } from './world.ts';

/** The changes to backy.cfg in c1.cfg, c2.cfg … */
const CHANGES: ((text: string) => string)[] = [
  without('block_size'),
  withValue('block_size', 'abc'),
  withValue('hash_function', 'nope'),
  withValue('encryption_version', '1'),
  without('encryption_version'),
  withKey('00ff'),
  withKey('abc'),
  withValue('encryption_version', '2'),
  withValue('type', 'backy2.meta_backends.nope'),
  (text) => text.replace('data_backends.file', 'data_backends.nope'),
  without('path'),
  (text) => text.replace(/simultaneous_writes: .*\n/, ''),
  withValue('engine', 'nonsense'),
  withValue('engine', 'sqlite:///nodir/backy.sqlite'),
  withValue('engine', 'mysql://localhost/backy'),
  withValue('deduplication', 'maybe'),
  withValue('lock_dir', 'nolocks'),
  without('lock_dir'),
  (text) => `${text.replace('[MetaBackend]', 'encryption_key: 00ff\n\n[MetaBackend]')}`,
  without('hash_function'),
  (text) => text.replace(/\[io_file\]\n(.+\n)+/, ''),
  withValue('logfile', 'b%.log'),
  withValue('block_size', '4096 ; comment'),
  (text) => text.replace('[MetaBackend]', '[DEFAULTS]\n[MetaBackend]'),
  (text) => text.replace(/(block_size: .*\n)/, '$1$1'),
];

replay({
  recording: '02-config',
  setup(world) {
    world.write('empty.cfg', '');
    world.write('garbage.cfg', 'hello world\n');
    world.config('nolog.cfg', without('logfile'));
    world.config('nolog2.cfg', withValue('logfile', '/nonexistent/dir/x.log'));
    for (const [i, change] of CHANGES.entries()) world.config(`c${i + 1}.cfg`, change);
  },
  before: {
    // The original looks for a folder named ~; here the run's home folder has it too.
    37: (world) => {
      mkdirSync(world.path('~'));
      world.write('~/.backy.cfg', '[DEFAULTS]\nlogfile: from-literal-tilde.log\n');
    },
    38: breakLocalConfig,
  },
});

function breakLocalConfig(world: World): void {
  world.write('backy.cfg', 'broken\n');
}

function without(option: string) {
  return (text: string) => text.replace(new RegExp(`^${option}:.*\n`, 'm'), '');
}

function withValue(option: string, value: string) {
  return (text: string) => text.replace(new RegExp(`^${option}:.*$`, 'm'), `${option}: ${value}`);
}

function withKey(key: string) {
  return (text: string) => text.replace(/^encryption_version:.*$/m, `encryption_version: 1\nencryption_key: ${key}`);
}
