import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { endianness, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noise } from '../support/images/random.ts';
import { tool } from '../support/program/process.ts';
import { lacking, needTool } from '../support/runner/machine.ts';

const gcc = lacking(await needTool('gcc', '--version'));
const isElsewhere = process.arch !== 'x64' || endianness() !== 'LE';
const LONGEST = 400;
const bytes = noise(8 * (LONGEST + 1), 'sanitized lanes');

/** One call of the C function. */
interface Call {
  lanes: number;
  messages: readonly Buffer[];
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-lanes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(gcc.skip || isElsewhere)(`under the address and undefined-behaviour sanitizers${gcc.note}`, () => {
  test.each(['sha512', 'md5'])('%s in lanes agrees with OpenSSL, and refuses numbers that do not fit', async (hash) => {
    const driver = await compile(hash);
    const { lines, most } = run(driver, validCalls());
    const expected = validCalls().map(({ lanes, messages }) =>
      lanes > most ? 'refused' : messages.map((message) => createHash(hash).update(message).digest('hex')).join(''),
    );
    expect(lines).toEqual(expected);
    const refused = run(driver, [
      { lanes: 4, messages: [] },
      { lanes: 8, messages: [] },
      { lanes: 4, messages: messagesOf(3, 5) },
      { lanes: 8, messages: messagesOf(3, 9) },
      { lanes: 0, messages: messagesOf(3, 1) },
      { lanes: 5, messages: messagesOf(3, 2) },
      { lanes: 16, messages: messagesOf(3, 16) },
    ]);
    expect(refused.lines).toEqual(new Array(7).fill('refused'));
  });
});

/**
 * Every length around the padding, with each number of lanes, and each number of messages in turn.
 */
function validCalls(): Call[] {
  const lengths = Array.from({ length: LONGEST + 1 }, (_, length) => length);
  return [4, 8].flatMap((lanes) => lengths.map((length) => ({ lanes, messages: messagesOf(length, 1 + (length % lanes)) })));
}

function messagesOf(length: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => bytes.subarray((i % 8) * LONGEST, (i % 8) * LONGEST + length));
}

async function compile(hash: string): Promise<string> {
  const driver = join(folder, hash);
  const lanes = resolve(`src/native/${hash}-lanes.c`);
  const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  const words = ['-O1', '-g', '-Wall', '-Wextra', '-Werror', ...sanitizers, `-DLANES_FILE="${lanes}"`, `-DHASH=${hash}`];
  await tool('gcc', ...words, '-o', driver, resolve('test/support/engine/lanes-driver.c'));
  return driver;
}

/** @returns a line for each call, and how many lanes this processor has. */
function run(driver: string, calls: readonly Call[]): { lines: string[]; most: number } {
  const input = calls.flatMap(({ lanes, messages }) => [
    Buffer.from(Uint32Array.of(lanes, messages.length, messages[0]?.length ?? 0).buffer),
    ...messages,
  ]);
  // The sanitizer for leaks needs ptrace, which containers forbid. The code under test allocates
  // nothing.
  const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
  const { status, stdout, stderr } = spawnSync(driver, { input: Buffer.concat(input), encoding: 'utf8', env });
  expect(status, stderr).toBe(0);
  return { lines: stdout.trimEnd().split('\n'), most: Number(stderr.split(' ')[0]) };
}
