import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { sha256OfFile } from '../images/sha256.ts';
import type { Lab } from './lab.ts';

/** Master keys. */
export const KEY_A = 'decafbad'.repeat(8);
export const KEY_B = '0123456789abcdef'.repeat(4);

/** Sections of a config that writes encryption version 1. */
export function encrypted(key = KEY_A) {
  return { DEFAULTS: { encryption_version: 1, encryption_key: key } };
}

/**
 * Debian's Python, which has Debian's python3-cryptography. Another Python may come first on PATH.
 */
export const PYTHON = '/usr/bin/python3';

const DECODER = fileURLToPath(new URL('./decode-store.py', import.meta.url));

/** The SHA-256 of a version's bytes as another implementation decodes its blobs. */
export function decodedSha256(lab: Lab, uid: string, key: string): string {
  const image = lab.path(`decoded-${uid}`);
  const { databasePath, dataPath } = lab.store.asFiles(lab.path(`stored-${uid}`));
  execFileSync(PYTHON, [DECODER, databasePath, dataPath, key, uid, image], { stdio: 'pipe' });
  return sha256OfFile(image);
}
