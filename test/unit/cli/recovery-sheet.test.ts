import { describe, expect, test } from 'vitest';
import { sheetHtml, sheetText } from '../../../src/cli/recovery/render-sheet.ts';
import { sheetOf } from '../../../src/cli/recovery/sheet.ts';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { makeSandbox } from '../config/sandbox.ts';

const KEY = 'ab'.repeat(32);
const SECRET = 'the-secret-access-key';
const FACTS = {
  storeIds: ['7a1c9a0e-0000-4000-8000-000000000000'],
  place: 'bucket "backups" at https://s3.example.org',
  keyFingerprint: '0123456789abcdef',
  time: new Date('2026-11-30T12:00:00Z'),
};

function configOf(text: string): Config {
  const { env, write } = makeSandbox();
  return loadConfig(write('backy.cfg', text), env);
}

const S3 = `[DEFAULTS]
encryption_key: ${KEY}
recovery_passphrase_file: /root/passphrase
[MetaBackend]
engine: postgresql://backy:database-password@db/backy
layout: compact
[DataBackend]
type: s3
bucket_name: backups
endpoint_url: https://s3.example.org
aws_access_key_id: id
aws_secret_access_key: ${SECRET}
`;

describe('a recovery sheet', () => {
  test('has store, configuration and commands, and no secret', () => {
    const text = sheetText(sheetOf({ config: configOf(S3), facts: FACTS, withKey: false }));
    for (const part of [FACTS.storeIds[0], FACTS.keyFingerprint, 'bucket_name: backups', '2026-11-30', 'backy2 ls --from-store'])
      expect(text).toContain(part);
    expect(text).toContain('backy2 rebuild-db --layout compact');
    for (const secret of [KEY, SECRET, 'database-password']) expect(text).not.toContain(secret);
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  test('has the master key if that is asked for, and no other secret', () => {
    const text = sheetText(sheetOf({ config: configOf(S3), facts: FACTS, withKey: true }));
    expect(text).toContain(KEY);
    for (const secret of [SECRET, 'database-password']) expect(text).not.toContain(secret);
  });

  test('says when nothing is encrypted', () => {
    const config = configOf('[DEFAULTS]\nencryption_version: 0\n[DataBackend]\ntype: file\npath: /srv/backy2\n');
    const text = sheetText(sheetOf({ config, facts: { ...FACTS, keyFingerprint: null }, withKey: true }));
    expect(text).toContain('not encrypted');
    expect(text).toContain('path: /srv/backy2');
    expect(text).not.toContain('encryption_key');
  });

  test('its page holds the same lines, with markup escaped, and loads nothing', () => {
    const facts = { ...FACTS, place: '/srv/<b>&"backups"' };
    const parts = sheetOf({ config: configOf(S3), facts, withKey: false });
    const html = sheetHtml(parts);
    expect(html).toContain('/srv/&lt;b&gt;&amp;&quot;backups&quot;');
    expect(html).not.toMatch(/<b>|<script|<link|src=|@import|url\(/);
    expect(html.match(/<section>/g)).toHaveLength(parts.length);
  });
});
