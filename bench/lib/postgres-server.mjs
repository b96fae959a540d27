import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/usr/lib/postgresql';
const START_MS = 60_000;

/** The folder with the programs of the newest installed server; undefined without one. */
export function postgresPrograms() {
  if (!existsSync(ROOT)) return undefined;
  const newest = readdirSync(ROOT).sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : join(ROOT, newest, 'bin');
}

/**
 * A server for the bench, on a unix socket only, with settings of a small real one: all is synced.
 */
export class PostgresServer {
  /** @type {import('./workspace.mjs').Workspace} */
  #workspace;
  /** @type {string} */
  #programs;

  /** @param {import('./workspace.mjs').Workspace} workspace @param {string} programs */
  constructor(workspace, programs) {
    this.#workspace = workspace;
    this.#programs = programs;
    this.folder = workspace.folder('disk', 'pg');
  }

  /** @param {string} database */
  url(database) {
    return `postgresql://postgres@/${database}?host=${this.folder}`;
  }

  async start() {
    const data = join(this.folder, 'data');
    mkdirSync(data, { mode: 0o700 });
    if (process.getuid?.() === 0) {
      // The server's user needs access to the folder and must own its content.
      execFileSync('chmod', ['755', this.#workspace.disk, this.folder]);
      for (const path of [data, this.folder]) chownSync(path, Number(idOf('-u')), Number(idOf('-g')));
    }
    const [initdb = '', ...words] = this.#asServer('initdb');
    execFileSync(initdb, [...words, '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'], {
      stdio: 'ignore',
      cwd: '/',
    });
    const settings = ['listen_addresses=', `unix_socket_directories=${this.folder}`, 'shared_buffers=256MB', 'max_wal_size=4GB'];
    const [postgres = '', ...more] = this.#asServer('postgres');
    this.child = spawn(postgres, [...more, '-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      stdio: 'ignore',
      cwd: '/',
    });
    this.#workspace.children.add(this.child);
    for (const giveUpAt = Date.now() + START_MS; ; await sleep(100)) {
      try {
        this.psql('postgres', 'SELECT 1');
        return;
      } catch (error) {
        if (Date.now() > giveUpAt || this.child.exitCode !== null) throw error;
      }
    }
  }

  /**
   * Runs a statement. @returns psql's unaligned output.
   * @param {string} database
   * @param {string} sql
   * @param {string} [input]
   */
  psql(database, sql, input) {
    const words = [
      '-X',
      '-q',
      '-A',
      '-t',
      '-v',
      'ON_ERROR_STOP=1',
      '-h',
      this.folder,
      '-U',
      'postgres',
      '-d',
      database,
      '-c',
      sql,
    ];
    return execFileSync('psql', words, { encoding: 'utf8', cwd: '/', input, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  async stop() {
    const { child } = this;
    if (child === undefined || child.exitCode !== null) return;
    const closed = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGINT');
    await closed;
    this.#workspace.children.delete(child);
  }

  /** PostgreSQL refuses to run as root. @param {string} program */
  #asServer(program) {
    const path = join(this.#programs, program);
    return process.getuid?.() === 0 ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', path] : [path];
  }
}

/** @param {'-u' | '-g'} what */
function idOf(what) {
  return execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }).trim();
}
