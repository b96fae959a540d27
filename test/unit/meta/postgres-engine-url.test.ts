import { describe, expect, it } from 'vitest';
import { isPostgresUrl, labelOf, parseEngineUrl } from '../../../src/meta/postgresql/engine-url.ts';
import { encryptionsToTry } from '../../../src/meta/postgresql/tls.ts';

const parse = (engine: string, env: Record<string, string> = {}) => {
  const { options, ...address } = parseEngineUrl(engine, env);
  return { ...address, ...Object.fromEntries(options) };
};

describe('an engine URL of PostgreSQL', () => {
  it.each([
    [
      'postgresql://me:pw@db.example:6543/backy',
      { user: 'me', password: 'pw', host: 'db.example', port: 6543, database: 'backy' },
    ],
    ['postgresql+psycopg2://me@h/b', { user: 'me', password: undefined, host: 'h', port: 5432, database: 'b' }],
    ['postgres://me@h/b', { user: 'me', host: 'h' }],
    ['postgresql://me:p%40%2F%3A%25w@h/b', { password: 'p@/:%w' }],
    // As the original's library takes it: whatever is up to the @.
    ['postgresql://me:p/w?#%x@h/b', { password: 'p/w?#%x', host: 'h', database: 'b' }],
    ['postgresql://m%65@[::1]:5433/b', { user: 'me', host: '::1', port: 5433 }],
    ['postgresql://me@/b?host=/run/postgresql&port=1234', { host: '/run/postgresql', port: 1234 }],
    ['postgresql://%2Frun%2Fpg/b', { host: '/run/pg', database: 'b' }],
    ['postgresql://h/b?user=u&password=p&sslmode=require&connect_timeout=3', { user: 'u', password: 'p', sslmode: 'require' }],
    ['postgresql://me@h', { database: 'me' }],
  ])('%s is understood', (engine, wanted) => {
    expect(isPostgresUrl(engine)).toBe(true);
    expect(parse(engine)).toMatchObject(wanted);
  });

  it("takes what it lacks from libpq's variables", () => {
    const env = { PGHOST: '/s', PGPORT: '7', PGUSER: 'u', PGPASSWORD: 'p', PGDATABASE: 'd', PGSSLMODE: 'disable' };
    expect(parse('postgresql://', env)).toEqual({
      host: '/s',
      port: 7,
      user: 'u',
      password: 'p',
      database: 'd',
      sslmode: 'disable',
    });
    expect(parse('postgresql://me@h:1/x', env)).toMatchObject({ host: 'h', port: 1, user: 'me', database: 'x' });
  });

  it.each([
    ['postgresql://me:secret@h:99999/b', 'is no port'],
    ['postgresql://me:secret@h:x/b', '"x" is no port'],
    ['postgresql://me:secret@a,b/b', 'names several hosts'],
    ['postgresql://me:secret@h/b?sslmod=x', 'the option "sslmod" is not known'],
  ])('%s is refused, without its password', (engine, problem) => {
    expect(() => parse(engine)).toThrow(problem);
    expect(() => parse(engine)).not.toThrow(/secret/);
  });

  it('is called without its password', () => {
    const label = (engine: string) => labelOf(parseEngineUrl(engine, {}));
    expect(label('postgresql://me:pw@h/b')).toBe('postgresql://me@h:5432/b');
    expect(label('postgresql://me:pw@[::1]/b')).toBe('postgresql://me@[::1]:5432/b');
    expect(label('postgresql://me:pw@/b?host=/s')).toBe('postgresql://me@/b?host=/s');
  });

  it('decides how to speak to the server, as libpq does', () => {
    const tried = (query: string) => encryptionsToTry(parseEngineUrl(`postgresql://me@h/b?${query}`, {}));
    expect(tried('')).toEqual([{ rejectUnauthorized: false }, false]);
    expect(tried('sslmode=disable')).toEqual([false]);
    expect(tried('sslmode=require')).toEqual([{ rejectUnauthorized: false }]);
    expect(tried('sslmode=verify-full')).toEqual([{}]);
    expect(tried('host=/s&sslmode=require')).toEqual([false]);
    expect(() => tried('sslmode=full')).toThrow('sslmode "full" is not one of');
    expect(() => tried('sslmode=verify-ca&sslrootcert=/nowhere')).toThrow(/sslrootcert: ENOENT/);
  });
});
