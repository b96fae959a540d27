import { chownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BINARY } from '../program/process.ts';
import { type Need, needTool } from '../runner/machine.ts';
import type { Lab } from './lab.ts';

const NOBODY = 65_534;
const SETPRIV = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];

/** Whether tests that run as root can run the program as an ordinary user. */
export async function needUser(): Promise<Need> {
  if (process.getuid?.() !== 0) return { what: 'ordinary user', available: true };
  return { ...(await needTool(...SETPRIV, BINARY, '-V')), what: 'way to become an ordinary user who may run the program' };
}

/**
 * Words to put before the program so that permissions apply: root may do anything. The user gets
 * the lab, except for the names in `keeps`.
 */
export function asUser(lab: Lab, ...keeps: string[]): string[] {
  if (process.getuid?.() !== 0) return [];
  give(lab.folder);
  for (const name of readdirSync(lab.folder)) if (!keeps.includes(name)) giveTree(lab.path(name));
  return SETPRIV;
}

function giveTree(path: string): void {
  give(path);
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTree(join(path, name));
}

function give(path: string): void {
  chownSync(path, NOBODY, NOBODY);
}
