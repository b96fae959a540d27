import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { drill, sectionOf, shellLines } from '../support/docs/drill.ts';
import { install } from '../support/docs/installed.ts';
import { needMachines, type PageMachine, PageMachines } from '../support/docs/page-machine.ts';
import { noise } from '../support/images/random.ts';
import { configText } from '../support/labs/config-text.ts';
import { lacking, needTool } from '../support/runner/machine.ts';
import { createDatabase, dropDatabase, postgresQuery, postgresUrl } from './postgres.ts';
import { createBucket, deleteBucket } from './s3-buckets.ts';
import { s3Section } from './s3-lab.ts';

const PAGE = readFileSync('docs/moving.md', 'utf8');
const [OLD, NEW, SERVER] = ['old.example.com', 'new.example.com', 'db.example.com'];
/** As the page calls the database and its user. */
const MOVED = 'backy2';
const OPTIONS = { encryption_version: 0, block_size: 65_536, sla_schedulers: 'daily', sla_new_names: 'by-age' };
const lack = lacking(await needMachines(), await needTool('rsync', '--version'), await needTool('systemctl', '--version'));

describe.skipIf(lack.skip)(`docs/moving.md with servers${lack.note}`, () => {
  const postgres = inject('postgres');
  let machines: PageMachines;
  let from: PageMachine;
  let to: PageMachine;
  let bucket: string;
  let database: string;
  let uid: string;
  beforeEach(async () => {
    [bucket, database] = [await createBucket(inject('ceph').s3), await createDatabase(postgres)];
    machines = await PageMachines.start(OLD, NEW, SERVER);
    [from, to] = [machines.named(OLD), machines.named(NEW)];
    for (const host of [from, to]) {
      await install(host);
      host.write('/srv/web.img', noise(300_000, 'moving'));
      host.write(
        '/etc/backy/conf.d/jobs.cfg',
        '[daily]\ninterval: 1d\nkeep: 2\nsla: 6h\n[job:web]\nsource: file:///srv/web.img\n',
      );
      await host.ok('mkdir -p /var/lib/backy2');
    }
  });
  afterEach(async () => {
    await machines.stop();
    for (const name of [database, MOVED]) await dropDatabase(postgres, name);
    await postgresQuery(postgres, 'postgres', `DROP ROLE IF EXISTS ${MOVED}`);
    await deleteBucket(inject('ceph').s3, bucket);
  });

  /** Writes the configuration for a database. */
  async function configure(host: PageMachine, engine: string): Promise<void> {
    const DEFAULTS = { ...OPTIONS, logfile: '/var/log/backy2.log', lock_dir: '/run/backy2' };
    host.write('/etc/backy.cfg', configText([{ DEFAULTS, DataBackend: s3Section(bucket), MetaBackend: { engine } }]));
    await host.ok('chmod 600 /etc/backy.cfg');
  }
  async function makeBackup(): Promise<void> {
    await from.ok('backy2 initdb && backy2 run');
    uid = (await from.ok('backy2 -ms ls -f uid web')).trim();
  }
  const linesOf = (title: string) => shellLines(sectionOf(PAGE, title));
  const follow = (host: PageMachine, title: string) => drill(linesOf(title), (line) => host.run(line), { uid });

  test('PostgreSQL moves too', async () => {
    await configure(from, postgresUrl(postgres, database));
    await makeBackup();
    const { password } = new URL(postgresUrl(postgres, database));
    await postgresQuery(postgres, 'postgres', `CREATE ROLE ${MOVED} LOGIN PASSWORD '${password}'`);
    const server = machines.named(SERVER);
    server.env = { PGHOST: SERVER, PGPORT: String(postgres.port), PGUSER: 'postgres', PGPASSWORD: password };
    await server.ok(`echo "127.0.0.1 ${SERVER}" >>/etc/hosts`);

    await follow(from, '1. Stop the old host');
    const [dump = '', copy = '', ...onServer] = linesOf('PostgreSQL moves too');
    await drill([dump, copy], (line) => from.run(line));
    // It asks for a password at a terminal.
    await drill(onServer, (line) => server.run(line), { leaveOut: ['sudo -u postgres createuser --pwprompt'] });

    const moved = new URL(postgresUrl(postgres, MOVED));
    moved.username = MOVED;
    await configure(to, moved.href);
    expect((await follow(to, '3. Check the new host'))['backy2 ls']).toContain(uid);
    expect((await follow(to, '4. Start the new host'))['backy2 run --dry-run']).toMatch(/web.*not due/);
  });

  test('without the database, from a bucket', async () => {
    await configure(from, postgresUrl(postgres, database));
    await makeBackup();
    await configure(to, 'sqlite:////var/lib/backy2/backy.sqlite');
    expect((await follow(to, 'Without the database'))['backy2 ls']).toContain(uid);
    expect((await follow(to, '4. Start the new host'))['backy2 run --dry-run']).toMatch(/web.*not due/);
  });
});
