import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256OfFile } from '../support/images/sha256.ts';
import { Lab, type LabOptions } from '../support/labs/lab.ts';
import { PostgresServer } from './postgres.ts';

let server: PostgresServer;
beforeAll(async () => {
  // A crash of this server must lose nothing.
  server = await PostgresServer.start({ settings: { fsync: 'on' } });
});
afterAll(() => server.stop());

/** A lab whose metadata is in a new database. */
async function newLab(options: LabOptions = {}): Promise<{ lab: Lab; database: string }> {
  const database = await server.createDatabase();
  const engine = server.url(database);
  const lab = new Lab({ ...options, config: { ...options.config, MetaBackend: { engine } } });
  await lab.ok('initdb');
  return { lab, database };
}

describe('the program', () => {
  it('backs up, copies rows of the base, restores, scrubs, removes and cleans up', async () => {
    const { lab, database } = await newLab();
    const image = lab.write('image', Buffer.concat([randomBytes(40_000), Buffer.alloc(8192), randomBytes(10)]));
    const first = await lab.backup(`file://${image}`, 'vm');
    const hints = lab.write('hints', JSON.stringify([{ offset: 0, length: 4096, exists: true }]));
    const second = await lab.backup('-f', first, '-r', hints, `file://${image}`, 'vm');
    for (const uid of [first, second]) {
      expect(await lab.restoredSha256(uid)).toBe(await sha256OfFile(image));
      await lab.ok('scrub', uid);
    }
    const blobs = lab.blobs();
    await lab.ok('rm', '-f', first);
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).toEqual(blobs);
    await lab.ok('rm', '-f', second);
    await lab.ok('cleanup', '--dangerous-force');
    expect(lab.blobs()).toEqual([]);
    expect(await server.query(database, 'SELECT * FROM deleted_blocks')).toEqual([]);
    lab.remove();
  });

  it('completes versions from the database', async () => {
    const { lab, database } = await newLab();
    const image = lab.write('image', randomBytes(5000));
    const uid = await lab.backup('-t', 'mine', `file://${image}`, 'vm');
    const { code, stdout, stderr } = await lab.startBare(['__complete', '-c', lab.path('backy.cfg'), 'scrub', '']).ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(uid);
    await server.query('postgres', `ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`);
    const refused = await lab.startBare(['__complete', '-c', lab.path('backy.cfg'), 'scrub', '']).ended;
    expect(refused).toMatchObject({ code: 0, stderr: '' });
    expect(refused.stdout).not.toContain(uid);
    lab.remove();
  });
});

describe('jobs', () => {
  it('are run once, with status, metrics and page; what prune removes comes back', async () => {
    const { lab } = await newLab({
      config: { DEFAULTS: { sla_schedulers: 'daily' }, daily: { interval: '1d', keep: 1, sla: '6h' } },
    });
    const image = lab.write('image', randomBytes(50_000));
    lab.configure({ 'job:web': { source: `file://${image}`, schedulers: 'daily' }, run: { prune: 'yes' } });
    const uids = async () => (await lab.ok('-ms', 'ls', '-f', 'uid')).trim().split('\n');
    await lab.ok('run');
    await lab.ok('run');
    const [first = '', ...others] = await uids();
    expect(others).toEqual([]);
    expect((await lab.run(['-ms', 'status', '-f', 'state,name,uid,problem'])).stdout).toBe(`ok|web|${first}|\n`);
    expect(await lab.ok('metrics')).toMatch(/^backy2_newest_valid_size_bytes\{name="web"\} 50000$/m);
    expect((await lab.run(['sla', '--check'])).code).toBe(0);
    await lab.ok('report', '--html', lab.path('page.html'));
    expect(readFileSync(lab.path('page.html'), 'utf8')).toContain(first);

    const second = await lab.backup('-t', 'daily', `file://${image}`, 'web');
    // Jobs set an expire date, which prune respects.
    await lab.ok('prune', '-f');
    expect(await uids()).toEqual([second]);
    await lab.ok('undelete', first);
    expect((await uids()).toSorted()).toEqual([first, second].toSorted());
    expect(await lab.restoredSha256(first)).toBe(await sha256OfFile(image));
    lab.remove();
  });
});

describe('one line and exit code 1 report', () => {
  const failure = async (edit: (engine: string, database: string) => string, ...words: string[]) => {
    const database = await server.createDatabase();
    const engine = edit(server.url(database), database);
    const lab = new Lab({ config: { MetaBackend: { engine } } });
    const { code, stdout, stderr } = await lab.run(words.length > 0 ? words : ['ls']);
    const log = lab.log();
    lab.remove();
    expect(`${stdout}${stderr}${log}`).not.toMatch(/a-secret|wr%40ng|wr@ng/);
    expect(stderr).not.toMatch(/^\s+at /m);
    return { code, stderr };
  };

  it('a server that is not running', async () => {
    expect(await failure((engine) => engine.replace(/:\d+\//, ':1/'))).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Can't connect to the database postgresql:\/\/postgres@127.0.0.1:1\/\w+: connection refused/),
    });
  });

  it('an unknown host', async () => {
    expect(await failure((engine) => engine.replace('127.0.0.1', 'nowhere.invalid'))).toEqual({
      code: 1,
      stderr: expect.stringMatching(/its host is not known/),
    });
  });

  it('a missing socket', async () => {
    expect(await failure((_, name) => `postgresql:///${name}?host=/nowhere`)).toEqual({
      code: 1,
      stderr: expect.stringMatching(/there is no such socket/),
    });
  });

  it('a wrong password', async () => {
    expect(await failure((engine) => engine.replace('a-secret', 'wr%%40ng'))).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Can't log in to the database .*password authentication failed for user "postgres"/),
    });
  });

  it('a missing password', async () => {
    expect(await failure((engine) => engine.replace(':a-secret', ''))).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Can't (log in|connect) to the database .*password/),
    });
  });

  it('a missing database', async () => {
    expect(await failure((engine) => `${engine}x`)).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Can't open the database .* does not exist.*createdb.*If it was in use, restore it/),
    });
  });

  it('a database that is lost: there are blobs', async () => {
    const { lab, database } = await newLab();
    await lab.backup(`file://${lab.write('image', randomBytes(5000))}`, 'vm');
    await server.query('postgres', `DROP DATABASE "${database}" WITH (FORCE)`);
    const { code, stderr } = await lab.run(['ls']);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/holds blobs: the database .* was lost or moved/),
    });
    expect(stderr).not.toMatch(/createdb/);
    lab.remove();
  });

  it('a database without tables', async () => {
    expect(await failure((engine) => engine)).toEqual({
      code: 1,
      stderr: expect.stringMatching(/Invalid database .*Please run initdb first/),
    });
  });

  it('missing rights', async () => {
    await server.query('postgres', "CREATE ROLE guest LOGIN PASSWORD 'guest'");
    expect(await failure((engine) => engine.replace('postgres:a-secret@', 'guest:guest@'), 'initdb')).toEqual({
      code: 1,
      stderr: expect.stringMatching(/lacks rights in the database .*permission denied for schema public/),
    });
  });

  it('an unknown option', async () => {
    expect(await failure((engine) => `${engine}?sslmod=require`)).toEqual({
      code: 1,
      stderr: expect.stringMatching(/the option "sslmod" is not known/),
    });
  });

  it('TLS that is required but not available', async () => {
    expect(await failure((engine) => `${engine}?sslmode=require`)).toEqual({
      code: 1,
      stderr: expect.stringMatching(/does not support SSL/),
    });
  });
});

it('accepts a unix socket, the name with the driver, and postgres://', async () => {
  const { lab, database } = await newLab();
  const { port, socketFolder } = server;
  const urls = [
    `postgresql://postgres@/${database}?host=${socketFolder}&port=${port}`,
    server.url(database).replace('postgresql:', 'postgresql+psycopg2:'),
    server.url(database).replace('postgresql:', 'postgres:'),
    server.url(database).replace('a-secret', 'a%%2Dsecret'),
  ];
  for (const engine of urls) {
    lab.configure({ MetaBackend: { engine } });
    expect(await lab.ok('-m', 'ls')).toContain('date|name');
  }
  lab.remove();
});

describe('a role that may have few connections', () => {
  const limitTo = (count: number) => server.query('postgres', `ALTER ROLE few CONNECTION LIMIT ${count}`);
  let lab: Lab;
  beforeAll(async () => {
    await server.query('postgres', "CREATE ROLE few LOGIN PASSWORD 'few'");
    const database = await server.createDatabase();
    await server.query('postgres', `ALTER DATABASE "${database}" OWNER TO few`);
    const engine = server.url(database).replace('postgres:a-secret@', 'few:few@');
    lab = new Lab({ config: { MetaBackend: { engine } } });
    await lab.ok('initdb');
  });
  afterAll(() => lab.remove());

  it('needs two of them: every command works, without a warning', async () => {
    await limitTo(2);
    const image = `file://${lab.write('image', randomBytes(4_000_000))}`;
    const uid = await lab.backup(image, 'vm');
    expect(lab.log()).toMatch(/allows no more connections.*working with those that are open/);
    expect(lab.log()).not.toMatch(/was lost/);
    const other = await lab.backup('-f', uid, '-r', lab.write('hints', '[]'), image, 'vm');
    const file = lab.path('export');
    for (const words of [
      ['scrub', '--all'],
      ['export', uid, file],
      ['rm', '-f', uid],
      ['import', file],
    ]) {
      const { code, stderr } = await lab.run(words);
      expect({ words, code, stderr }).toEqual({ words, code: 0, stderr: '' });
    }
    expect(await lab.restoredSha256(other)).toBe(await sha256OfFile(lab.path('image')));
  });

  it('says in one line what it needs if it may have one', async () => {
    await limitTo(1);
    const { code, stderr } = await lab.run(['backup', `file://${lab.path('image')}`, 'vm']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^ +ERROR: .*too many connections for role "few" \(53300\).* needs two connections.*\n.*Backy failed\.\n$/,
    );
  });
});
