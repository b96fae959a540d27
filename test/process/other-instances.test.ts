import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { otherInstances } from '../../src/cli/installation/other-instances.ts';
import { Running } from '../support/program/process.ts';

let folder: string;
let running: Running;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backy2-instances-'));
});
afterEach(async () => {
  running.kill('SIGKILL');
  await running.ended;
  rmSync(folder, { recursive: true, force: true });
});

/** A name that no other test has. */
const NAME = `backy2-${process.pid}`;

test('a process of the original is listed', async () => {
  running = new Running(['bash', '-c', `exec -a '${NAME} [Scrubbing]' sleep 60`], {});
  await vi.waitFor(() => expect(otherInstances(NAME)).toEqual([expect.stringMatching(/^pid \d+: .*Scrubbing/)]));
});

test('a process of ours with another Node.js, as after an upgrade, is not', async () => {
  const node = join(folder, 'node');
  copyFileSync(process.execPath, node);
  running = new Running([node, `--title=${NAME}`, '-e', 'console.log(1); setTimeout(() => {}, 60_000)'], {});
  await vi.waitFor(() => expect(running.stdout).toBe('1\n'));
  expect(otherInstances(NAME)).toEqual([]);
});
