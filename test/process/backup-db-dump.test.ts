import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Lab } from '../support/labs/lab.ts';
import type { Result } from '../support/program/process.ts';

/** The call of a fake pg_dump. test/services/backup-db.test.ts uses a real one. */
const ENGINE = 'postgresql://backy:s3cret@db.example.com:5433/metadata?sslmode=require';

let lab: Lab;
beforeEach(async () => {
  lab = new Lab();
  lab.configure({ MetaBackend: { engine: ENGINE } });
  mkdirSync(lab.path('bin'));
  symlinkSync(process.execPath, lab.path('bin/node'));
});
afterEach(() => lab.remove());

/** Runs the command with a PATH of node and, if given, a fake pg_dump. */
async function backUp(script?: string): Promise<Result> {
  if (script !== undefined) chmodSync(lab.write('bin/pg_dump', `#!/bin/sh\n${script}\n`), 0o755);
  return lab.start(['backup-db', lab.path('copy')], { env: { PATH: lab.path('bin'), PGSERVICE: 'elsewhere' } }).ended;
}

test('pg_dump gets its connection from the environment, and no password in its arguments', async () => {
  const result = await backUp(
    `echo "$@" >args; echo "$PGHOST $PGPORT $PGUSER $PGDATABASE $PGPASSWORD $PGSSLMODE $PGSERVICE" >env
     for word; do case $word in --file=*) echo dumped >"\${word#--file=}";; esac; done`,
  );
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(readFileSync(lab.path('args'), 'utf8')).toMatch(/^--format=custom --no-password --file=\S+\.part\n$/);
  expect(readFileSync(lab.path('env'), 'utf8')).toBe('db.example.com 5433 backy metadata s3cret require \n');
  expect(readFileSync(lab.path('copy'), 'utf8')).toBe('dumped\n');
  expect(statSync(lab.path('copy')).mode & 0o777).toBe(0o600);
});

test.each([
  ['is missing', undefined, 'Cannot start pg_dump: spawn pg_dump ENOENT', 'postgresql-client'],
  [
    'is too old for the server',
    'echo "pg_dump: error: aborting because of server version mismatch" >&2; exit 1',
    'pg_dump of postgresql://backy@db.example.com:5433/metadata failed: aborting because of server version mismatch',
    'the version of the server',
  ],
  ['is killed', 'kill -9 $$', 'failed: it was ended by SIGKILL', 'backy2 ls'],
])('one that %s is an error, and nothing is left', async (_, script, message, hint) => {
  const { code, stderr } = await backUp(script);
  expect(code).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
  expect(stderr).not.toContain('s3cret');
  expect(existsSync(lab.path('copy'))).toBe(false);
  expect(readdirSync(lab.folder).filter((name) => name.endsWith('.part'))).toEqual([]);
});
