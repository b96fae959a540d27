import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/cli/commands/index.ts';
import { GLOBAL_OPTIONS } from '../../src/cli/options/global-options.ts';
import { complete } from '../../src/cli/words/completion/complete.ts';
import { Lab } from '../support/labs/lab.ts';

const SCHEDULERS = { hourly: { interval: '1h', keep: 3, sla: '30m' }, weekly: { interval: '7d', keep: 2, sla: '12h' } };
const JOBS = { 'job:mail': { source: 'null://10kB' } };

let lab: Lab;
let web: string;
let other: string;
beforeAll(async () => {
  lab = await Lab.create({ config: { ...SCHEDULERS, ...JOBS } });
  web = await lab.backup('-s', 'monday', '-t', 'b_daily,x', 'null://10kB', 'web');
  other = await lab.backup('-t', 'x', 'null://10kB', 'my vm');
});
afterAll(() => lab.remove());

interface Offer {
  words: string[];
  descriptions: string[];
  files: string | undefined;
}

/** Completes the last of `words`, after the option for the lab's config file, in this process. */
async function offered(...words: string[]): Promise<Offer> {
  return parse(await complete(['-c', lab.path('backy.cfg'), ...words]));
}

/** Completes the last of `words` as the shells do: the program prints the answer. */
async function ask(words: string[], env: Record<string, string> = {}): Promise<Offer> {
  const { code, stdout, stderr } = await lab.startBare(['__complete', ...words], { cwd: lab.path('home'), env }).ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return parse(stdout);
}

function parse(answer: string): Offer {
  const [first = '', ...lines] = answer.split('\n').slice(0, -1);
  expect(first).toMatch(/^(words|files\t.*)$/);
  const parts = lines.map((line) => line.split('\t'));
  return {
    words: parts.map(([word = '']) => word),
    descriptions: parts.map(([, description = '']) => description),
    files: first.startsWith('files') ? first.slice('files\t'.length) : undefined,
  };
}

const longAndShort = (flags: string) => flags.match(/-[-\w]+(?=[ ,]|$)/g) ?? [];

describe('from the definitions', () => {
  test('commands, with descriptions', async () => {
    const { words, descriptions } = await offered('');
    expect(words).toEqual(ALL_COMMANDS.map(({ name }) => name));
    expect(descriptions).toEqual(ALL_COMMANDS.map(({ description }) => description));
  });

  test('the global options before a command', async () => {
    const { words } = await ask(['-']);
    const flags = [...GLOBAL_OPTIONS.map(([all]) => all), '-V, --version', '-h, --help'].flatMap(longAndShort);
    expect(words.sort()).toEqual(flags.sort());
  });

  test.each(ALL_COMMANDS.map((command) => [command.name, command] as const))('the options of %s', async (name, { options }) => {
    const { words } = await offered(name, '--');
    expect(words.sort()).toEqual([...options.map(([flags]) => flags), '-h, --help'].flatMap(longAndShort).sort());
  });

  test('wherever a command takes a uid, version uids are offered', async () => {
    const places = ALL_COMMANDS.flatMap(({ name, args, options }) => [
      ...args.flatMap(([syntax], index) => (syntax.includes('uid') ? [[name, ...args.slice(0, index).map(() => 'x'), '']] : [])),
      ...options.flatMap(([flags]) => (/[<[].*uid/.test(flags) ? [[name, longAndShort(flags)[0] ?? '', '']] : [])),
    ]);
    expect(places.length).toBeGreaterThanOrEqual(11);
    for (const place of places) expect((await offered(...place)).words, place.join(' ')).toEqual([other, web]);
  });

  test('the columns of -f that are not typed yet', async () => {
    const { words } = await offered('ls', '-f', 'uid,');
    expect(words).toContain('uid,snapshot_name');
    expect(words).toHaveLength(9);
    expect((await offered('ls', '--fie=na')).words).toContain('--fie=name');
  });

  test('the shells of completion', async () => {
    expect((await ask(['completion', ''])).words).toEqual(['bash', 'zsh', 'fish']);
  });
});

describe('from the database and the config', () => {
  test('uids come newest first, with name, snapshot and date', async () => {
    const { words, descriptions } = await offered('rm', web, '');
    expect(words).toEqual([other, web]);
    expect(descriptions[0]).toMatch(/^my vm \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    expect(descriptions[1]).toMatch(/^web monday \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    lab.sql('UPDATE versions SET valid = 0 WHERE uid = ?', web);
    expect((await offered('rm', '')).descriptions[1]).toMatch(/^web monday .* \(invalid\)$/);
    lab.sql('UPDATE versions SET valid = 1');
  });

  test('names, snapshot names, tags, schedulers and jobs', async () => {
    expect((await offered('ls', '')).words).toEqual(['my vm', 'web']);
    expect((await offered('backup', 'null://1k', '')).words).toEqual(['my vm', 'web']);
    expect((await offered('ls', '-s', '')).words).toEqual(['monday']);
    expect((await offered('ls', '-t', '')).words).toEqual(['b_daily', 'x']);
    expect((await offered('add-tag', web, 'x,')).words).toEqual(['x,b_daily', 'x,hourly', 'x,weekly']);
    expect((await offered('due', '-s', 'weekly,')).words).toEqual(['weekly,hourly']);
    expect((await offered('sla', '-s', '')).words).toEqual(['hourly', 'weekly']);
    expect(await offered('run', 'mail', '')).toMatchObject({ words: ['mail'], descriptions: ['null://10kB'] });
    expect((await offered('job', '')).words).toEqual(['mail']);
    expect((await offered('backup', '--tag=')).words).toEqual(['--tag=b_daily', '--tag=x', '--tag=hourly', '--tag=weekly']);
  });

  test.each([
    [['-c', 'LAB/backy.cfg', 'ls', '']],
    [['-cLAB/backy.cfg', 'ls', '']],
    [['-msc', 'LAB/backy.cfg', 'ls', '']],
    [['--configfile=LAB/backy.cfg', 'ls', '']],
    [['--conf', 'LAB/backy.cfg', '-v', 'ls', '']],
    [['-c', '~/../backy.cfg', 'ls', '']],
  ])('-c is honoured: %j', async (words) => {
    expect((await ask(words.map((word) => word.replace('LAB', lab.folder)))).words).toEqual(['my vm', 'web']);
  });

  test('file names where a file is wanted', async () => {
    expect(await ask(['-c', ''])).toMatchObject({ words: [], files: '' });
    expect(await ask(['-mc', 'x'])).toMatchObject({ words: [], files: '' });
    expect(await ask(['--configfile=x'])).toMatchObject({ words: [], files: '--configfile=' });
    expect(await offered('backup', '-r', '')).toMatchObject({ words: [], files: '' });
    expect(await offered('backup', '-r/tmp')).toMatchObject({ words: [], files: '-r' });
    expect(await offered('import', '')).toMatchObject({ words: [], files: '' });
    expect(await offered('export', web, '')).toMatchObject({ words: [], files: '' });
    expect(await offered('backup', 'file:///de')).toMatchObject({ words: [], files: 'file://' });
    expect(await offered('restore', web, 'file://')).toMatchObject({ words: [], files: 'file://' });
    expect(await offered('scrub', '--source=file:///')).toMatchObject({ words: [], files: '--source=file://' });
    expect(await offered('restore', web, 'f')).toMatchObject({ words: ['file://', 'rbd://', 'null://'], files: undefined });
  });

  test('a name that no shell could take in one line is left out', async () => {
    lab.sql("UPDATE versions SET name = 'a' || char(10) || 'b', snapshot_name = char(27) || '[2J' WHERE uid = ?", web);
    expect((await offered('ls', '')).words).toEqual(['my vm']);
    expect((await offered('rm', '')).descriptions[1]).toMatch(/^a\?b \?\[2J \d{4}/);
    lab.sql("UPDATE versions SET name = 'web', snapshot_name = 'monday' WHERE uid = ?", web);
  });
});

describe('when there is nothing to offer, nothing is said', () => {
  test.each([
    ['an unknown command', ['frobnicate', '']],
    ['an argument too many', ['-c', 'LAB/backy.cfg', 'ls', 'web', '']],
    ['an ambiguous option', ['--ver', 'ls', '--s=']],
    ['no config file of that name', ['-c', 'LAB/none.cfg', 'rm', '']],
    ['a wrong config file', ['-c', 'LAB/backy.sqlite', 'rm', '']],
    ['no database', ['-c', 'LAB/no-database.cfg', 'rm', '']],
    ['a database that is none', ['-c', 'LAB/no-sqlite.cfg', 'rm', '']],
    ['no words at all', []],
  ])('%s', async (_, words) => {
    const plain = '[DEFAULTS]\nencryption_version: 0\n[MetaBackend]\nengine: sqlite:///';
    lab.write('no-database.cfg', `${plain}${lab.path('none.sqlite')}\n`);
    lab.write('no-sqlite.cfg', `${plain}${lab.path('backy.cfg')}\n`);
    const before = readdirSync(lab.folder).sort();
    const answer = await ask(words.map((word) => word.replace('LAB', lab.folder)));
    if (words.length > 0) expect(answer.words).toEqual([]);
    expect(readdirSync(lab.folder).sort()).toEqual(before);
  });

  test('the embedded default is not created', async () => {
    expect((await ask(['rm', ''], { XDG_DATA_HOME: lab.path('xdg') })).words).toEqual([]);
    expect((await ask(['ls', '-t', ''])).words).toEqual([]);
    expect(existsSync(lab.path('xdg'))).toBe(false);
    expect(readdirSync(lab.path('home'))).toEqual([]);
  });
});

describe('the database', () => {
  test('stays unchanged, without side files and log lines', async () => {
    const state = () => [
      readFileSync(lab.databasePath).toString('base64'),
      readdirSync(lab.folder).sort(),
      lab.log(),
      lab.lockFiles(),
    ];
    const before = state();
    expect((await ask(['-c', lab.path('backy.cfg'), 'rm', ''])).words).toHaveLength(2);
    expect(state()).toEqual(before);
  });

  test('of an old revision is not upgraded', async () => {
    lab.sql("UPDATE alembic_version SET version_num = '00000000'");
    const before = readFileSync(lab.databasePath);
    expect((await ask(['-c', lab.path('backy.cfg'), 'rm', ''])).words).toHaveLength(2);
    expect(readFileSync(lab.databasePath).equals(before)).toBe(true);
  });

  test.each(['wal', 'delete'])('that somebody writes to (journal mode %s) is not waited for, nor disturbed', async (mode) => {
    const writer = new Database(lab.databasePath);
    writer.pragma(`journal_mode = ${mode}`);
    writer.exec('BEGIN EXCLUSIVE');
    writer.prepare("UPDATE versions SET name = 'half'").run();
    const beside = readdirSync(lab.folder).sort();
    // A rollback journal blocks readers. With a WAL they see the committed rows.
    expect((await ask(['-c', lab.path('backy.cfg'), 'ls', ''])).words).toEqual(mode === 'wal' ? ['my vm', 'web'] : []);
    expect(readdirSync(lab.folder).sort()).toEqual(beside);
    writer.exec('ROLLBACK');
    writer.close();
  });

  test('with the side files of a crash is read, and stays unchanged', async () => {
    const writer = new Database(lab.databasePath);
    writer.pragma('journal_mode = wal');
    writer.prepare("UPDATE versions SET name = 'committed' WHERE uid = ?").run(web);
    const names = ['crashed.sqlite', 'crashed.sqlite-wal'];
    for (const name of names) copyFileSync(lab.path(name.replace('crashed', 'backy')), lab.path(name));
    writer.close();
    lab.write(
      'crashed.cfg',
      `[DEFAULTS]\nencryption_version: 0\n[MetaBackend]\nengine: sqlite:///${lab.path('crashed.sqlite')}\n`,
    );
    const before = names.map((name) => readFileSync(lab.path(name)));
    expect((await ask(['-c', lab.path('crashed.cfg'), 'ls', ''])).words).toEqual(['committed', 'my vm']);
    expect(names.map((name) => readFileSync(lab.path(name)).equals(before[names.indexOf(name)] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
    ]);
  });
});
