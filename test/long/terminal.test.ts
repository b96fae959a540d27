import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { Lab } from '../support/labs/lab.ts';
import { Terminal, type TerminalOptions } from '../support/program/terminal.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const python = lacking(await needTool('python3', '-V'));
const BLOCK = 512 * 1024;
const BLOCKS = 30;
const UID = '[0-9a-f-]{36}';
const BAR = /^(Backing up|Preparing|Restoring to|Scrubbing) \S.* +\d+\.\d% \[=*>? *\] +\d+\.\d MB\/s {2}(ETA \S+|in \S+) *$/;
const FINISHED = /100\.0% \[=+\] +\d+\.\d MB\/s {2}in \d+s$/;

let lab: Lab;
let source: string;
beforeEach(async () => {
  const config = { DataBackend: { bandwidth_write: 20 * BLOCK, bandwidth_read: 20 * BLOCK } };
  lab = await Lab.create({ blockSize: BLOCK, config });
  source = `file://${lab.write('image', noise(BLOCKS * BLOCK, 'image'))}`;
});
afterEach(() => lab.remove());

/** Makes a backup take four seconds, for a test that acts meanwhile. */
const slow = () => lab.configure({ DataBackend: { bandwidth_write: 8 * BLOCK } });
const start = (args: string[], options: Partial<TerminalOptions> = {}) => new Terminal(lab, args, { columns: 80, ...options });

describe.skipIf(python.skip)(`on a terminal${python.note}`, () => {
  test.each([60, 80, 200])(
    'of %i columns a backup shows one live line, and leaves it complete among whole lines',
    async (columns) => {
      const terminal = start(['backup', source, 'vm'], { columns });
      expect(await terminal.ended()).toBe(0);
      const bars = terminal.screen.runs.map(({ text }) => text).filter((text) => / MB\/s {2}/.test(text));
      expect(new Set(bars).size).toBeGreaterThan(2);
      for (const bar of bars) {
        expect(bar).toMatch(columns < 80 ? / MB\/s {2}(ETA|in) / : BAR);
        expect(bar.length).toBeLessThan(columns);
      }
      const [command, ...rest] = logical(terminal.screen.rows, columns);
      expect(command).toMatch(/^ {4}INFO: \$ backy2 -c .* backup file:\S+ vm$/);
      expect(rest).toEqual([
        expect.stringMatching(FINISHED),
        expect.stringMatching(new RegExp(`^ {4}INFO: New version: ${UID} \\(Tags: \\[b_daily,b_weekly,b_monthly\\]\\)$`)),
        '    INFO: Backy complete.',
      ]);
      expect(lab.log()).toMatch(/\] Backing up \(2\/2: Data\) .*\n(.*\n)*.*\] Backing up .*\(100\.0% /);
    },
  );

  test('restore and scrub do so too', async () => {
    const uid = await lab.backup(source, 'vm');
    const restore = start(['restore', uid, `file://${lab.path('target')}`]);
    expect(await restore.ended()).toBe(0);
    expect(restore.screen.rows.at(-2)).toMatch(/^Restoring to file.* 100\.0% \[=+\]/);
    const scrub = start(['scrub', uid]);
    expect(await scrub.ended()).toBe(0);
    expect(scrub.screen.rows.slice(-3)).toEqual([
      expect.stringMatching(/^Scrubbing vm \(.* 100\.0% \[=+\]/),
      `    INFO: Marked version valid: ${uid}`,
      '    INFO: Backy complete.',
    ]);
  });

  test('a stream through a pipe does so too, and is refused on the terminal itself', async () => {
    const uid = await lab.backup(source, 'vm');
    const piped = start(['restore', uid, '-'], { shell: '"$@" | wc -c' });
    expect(await piped.ended()).toBe(0);
    const [command, ...rest] = logical(piped.screen.rows, 80);
    expect(command).toMatch(/^ {4}INFO: \$ backy2 /);
    expect(rest.toSorted()).toEqual([
      '    INFO: Backy complete.',
      `${BLOCKS * BLOCK}`,
      expect.stringMatching(/^Restoring to stdout.* 100\.0% \[=+\]/),
    ]);
    const refused = start(['restore', uid, '-']);
    expect(await refused.ended()).toBe(2);
    expect(refused.output).toContain('stdout is a terminal');
  });

  test('that changes its width, the line adapts', async () => {
    slow();
    const terminal = start(['backup', source, 'vm'], { columns: 100 });
    await terminal.until(/ETA \d/);
    const before = terminal.screen.runs.length;
    terminal.resize(50);
    await terminal.until(/\d% \[[=> ]{1,16}\]/);
    const resized = terminal.screen.runs.slice(before).findIndex(({ text }) => text.length < 50 && text.includes('MB/s'));
    expect(resized).toBeGreaterThanOrEqual(0);
    expect(await terminal.ended()).toBe(0);
    const bars = terminal.screen.runs.slice(before + resized).filter(({ text }) => text.includes(' MB/s'));
    for (const { text } of bars) expect(text.length).toBeLessThan(50);
    expect(terminal.screen.rows.at(-1)).toBe('    INFO: Backy complete.');
  });

  test('lines of the log stay whole above it', async () => {
    const uid = await lab.backup(source, 'vm');
    lab.sql("UPDATE blocks SET checksum = 'f' || substr(checksum, 2) WHERE id IN (5, 20)");
    const terminal = start(['scrub', uid], { columns: 200 });
    expect(await terminal.ended()).toBe(20);
    const shown = logical(terminal.screen.rows, 200);
    expect(shown.filter((line) => line.startsWith('   ERROR: Checksum mismatch during scrub for block '))).toHaveLength(2);
    expect(shown.filter((line) => /MB\/s/.test(line))).toEqual([expect.stringMatching(FINISHED)]);
    expect(shown.filter((line) => !/^( {4}INFO| {3}ERROR|Scrubbing)/.test(line))).toEqual([]);
  });

  test('that is stopped with Ctrl-S stops no backup', async () => {
    const terminal = start(['backup', source, 'vm']);
    await terminal.until(/ETA \d/);
    terminal.type('\x13');
    while (!/New version: .*Backy complete/s.test(lab.log())) await sleep(50);
    terminal.type('\x11');
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.rows.at(-1)).toBe('    INFO: Backy complete.');
    expect(terminal.screen.rows.filter((row) => / MB\/s /.test(row))).toEqual([expect.stringMatching(FINISHED)]);
  });

  test('Ctrl-C removes it', async () => {
    slow();
    const terminal = start(['backup', source, 'vm'], { columns: 200 });
    await terminal.until(/ETA \d/);
    terminal.type('\u0003');
    expect(await terminal.ended()).toBe(130);
    expect(terminal.screen.rows.join('\n')).not.toContain('MB/s');
    expect(terminal.screen.rows.at(-1)).toBe('   ERROR: Backy failed.');
    expect(terminal.screen.rows.join('\n')).toContain(' WARNING: Stopping');
  });

  test('that is closed stops a backup as SIGTERM does: stored blocks stay, and nothing is locked', async () => {
    slow();
    const terminal = start(['backup', source, 'vm']);
    await terminal.until(/ETA \d/);
    const ended = terminal.ended();
    terminal.hangUp();
    await ended;
    while (!lab.log().endsWith('Backy failed.\n')) await sleep(20);
    expect(lab.log()).toContain('Stopped by SIGHUP.');
    expect(lab.lockFiles()).toEqual([]);
    const [version] = lab.versions();
    expect(version?.valid).toBe(0);
    lab.configure({});
    await lab.ok('backup', '-c', version?.uid ?? '', source, 'vm');
  });

  test('it is on stderr: stdout in a file has status lines and no escape sequences', async () => {
    const terminal = start(['backup', source, 'vm'], { shell: '"$@" >out' });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.rows).toEqual([expect.stringMatching(FINISHED)]);
    const stdout = readFileSync(lab.path('out'), 'utf8');
    expect(stdout).not.toContain('\u001b');
    expect(stdout).toMatch(/^( {4}INFO: .*\n)+$/);
    expect(stdout).toMatch(/ {4}INFO: Backing up \(2\/2: Data\) .*\(100\.0% .*\n {4}INFO: New version/);
  });

  test('with -m stdout has nothing but its data', async () => {
    const terminal = start(['-m', 'backup', source, 'vm'], { shell: '"$@" >out' });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.rows).toEqual([expect.stringMatching(FINISHED)]);
    expect(readFileSync(lab.path('out'), 'utf8')).toMatch(new RegExp(`^(${UID})\\n\\1\\n$`));
  });

  test('with stderr elsewhere, there is none: the terminal gets the status lines', async () => {
    const terminal = start(['backup', source, 'vm'], { shell: '"$@" 2>err', columns: 300 });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).not.toContain('\u001b');
    expect(terminal.screen.rows.filter((row) => /INFO: Backing up .*ETA \d+s\)$/.test(row)).length).toBeGreaterThan(1);
    expect(readFileSync(lab.path('err'), 'utf8')).toBe('');
  });

  test.each(['dumb', ''])('of type "%s" there is none, and no colour', async (TERM) => {
    const terminal = start(['backup', source, 'vm'], { columns: 300, env: { TERM } });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).not.toContain('\u001b');
    expect(terminal.screen.rows.filter((row) => /INFO: Backing up .*ETA \d+s\)$/.test(row)).length).toBeGreaterThan(1);
  });

  test('a job in the background does not draw', async () => {
    const script = '"$@" 2>&1 & wait';
    const terminal = start(['-m', 'backup', source, 'vm'], { shell: `set -m; ${script}` });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).not.toContain('MB/s');
  });
});

describe.skipIf(python.skip)(`colours${python.note}`, () => {
  const RED = '\u001b[31m   ERROR\u001b[39m: Version nope not found.';

  test('errors are red and warnings yellow on a terminal', async () => {
    const terminal = start(['rm', 'nope']);
    expect(await terminal.ended()).toBe(100);
    expect(terminal.output).toContain(RED);
    const warned = start(['add-tag', await lab.backup('null://4kB', 'vm'), '']);
    expect(await warned.ended()).toBe(0);
    expect(warned.output).toContain('\u001b[33m WARNING\u001b[39m: No tags were added');
  });

  test.each<[string, string[], Partial<TerminalOptions>]>([
    ['NO_COLOR', [], { env: { NO_COLOR: '1' } }],
    ['--no-color', ['--no-color'], {}],
    ['TERM=dumb', [], { env: { TERM: 'dumb' } }],
    ['a pipe', [], { shell: '"$@" 2>&1 | cat' }],
  ])('%s: no colours', async (_, option, options) => {
    const terminal = start([...option, 'rm', 'nope'], options);
    await terminal.ended();
    expect(terminal.output).toContain('   ERROR: Version nope not found.');
    expect(terminal.output).not.toContain('\u001b');
  });

  test('NO_COLOR does not affect the live line', async () => {
    const terminal = start(['backup', source, 'vm'], { env: { NO_COLOR: '1' } });
    expect(await terminal.ended()).toBe(0);
    expect(terminal.screen.rows).toContainEqual(expect.stringMatching(FINISHED));
    expect(terminal.output).not.toMatch(/\u001b\[\d+m/);
  });
});

/** Joins rows where the terminal broke a line. */
function logical(rows: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let isCut = false;
  for (const row of rows) {
    if (isCut) lines[lines.length - 1] += row;
    else lines.push(row);
    isCut = row.length === columns;
  }
  return lines;
}
