import { describe, expect, test } from 'vitest';
import { ALL_COMMANDS } from '../../src/cli/commands/index.ts';
import { BINARY, type Result, Running } from '../support/program/process.ts';

const run = (args: string[], env: Record<string, string> = {}): Promise<Result> =>
  new Running([BINARY, ...args], { env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env } }).ended;

/** Joins wrapped lines. */
const flowing = (text: string) => text.replaceAll(/\s+/g, ' ');
const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

describe('help', () => {
  test('of the program lists every command with its description, in 80 columns', async () => {
    const { code, stdout, stderr } = await run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name, description } of ALL_COMMANDS) expect(flowing(stdout)).toContain(` ${name} ${description}`);
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });

  test.each(ALL_COMMANDS.map((command) => [command.name, command] as const))(
    'of %s is whole, in 80 columns',
    async (name, command) => {
      const { code, stdout, stderr } = await run([name, '--help']);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const args = command.args.map(([syntax, description]) => [syntax.replaceAll(/[<>[\].]/g, ''), description] as const);
      for (const [term, description] of [...args, ...command.options])
        expect(flowing(stdout)).toContain(` ${term} ${description.replaceAll(/,(?=\S)/g, ', ')}`);
      expect(widest(stdout)).toBeLessThanOrEqual(80);
    },
  );

  test.each(['backup', 'restore'])('of %s has examples', async (name) => {
    expect((await run([name, '-h'])).stdout).toMatch(new RegExp(`^Examples:\n {2}backy2 ${name} .*\n {6}\\S`, 'm'));
  });

  test('follows COLUMNS', async () => {
    const { stdout } = await run(['backup', '--help'], { COLUMNS: '200' });
    expect(stdout).toContain('set the expire date: YYYY-MM-DD or "YYYY-MM-DD HH:MM:SS" (UTC)\n');
  });

  test('the usage names every command, and how to get help', async () => {
    const { code, stdout, stderr } = await run([]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^usage: backy2 .*COMMAND/);
    for (const { name } of ALL_COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    expect(stdout).toContain('--help');
    expect(widest(stdout)).toBeLessThanOrEqual(80);
  });
});
