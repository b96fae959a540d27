import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { BackyError } from '../../errors.ts';

/** Where a PostgreSQL server is, and as whom to connect. */
export interface ServerAddress {
  /** A host's name or address, or the folder of a Unix socket. */
  host: string;
  port: number;
  database: string;
  user: string;
  /** Undefined: libpq's own sources, PGPASSWORD and the password file. */
  password: string | undefined;
  /** Options of libpq, by the names that they have in a URL. */
  options: ReadonlyMap<LibpqOption, string>;
}

/** Variables of the environment, as libpq reads them. */
type PgEnvironment = Readonly<Record<string, string | undefined>>;

/** Options of libpq that mean the same here, each with its variable. */
const OPTIONS = {
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  application_name: 'PGAPPNAME',
  options: 'PGOPTIONS',
} as const;

/** The name of an option that is understood. */
export type LibpqOption = keyof typeof OPTIONS;

/** Options that replace parts of the URL. */
const PARTS = ['host', 'port', 'user', 'password', 'dbname'];
/** Options that tune libpq itself and have no effect here. */
const WITHOUT_MEANING = [
  ...['keepalives', 'keepalives_idle', 'keepalives_interval', 'keepalives_count', 'tcp_user_timeout'],
  ...['client_encoding', 'fallback_application_name', 'gssencmode', 'target_session_attrs'],
];

/** Whether an engine URL is for PostgreSQL. */
export function isPostgresUrl(engine: string): boolean {
  return /^postgres(ql)?(\+psycopg2)?:/.test(engine);
}

/**
 * Splits URLs as the original's library does: a password may hold any character but @, even those
 * that a URL must not.
 */
const URL_PARTS =
  /^[\w+]+:\/\/(?:(?<user>[^:/]*)(?::(?<password>[^@]*))?@)?(?:\[(?<ipv6>[^/?]+)\]|(?<name>[^/:?]+))?(?::(?<port>[^/?]*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

/**
 * Parses an engine URL (docs/spec/formats.md §3). Missing parts come from the variables of libpq,
 * then from its defaults.
 * @throws BackyError `config`, without the password.
 */
export function parseEngineUrl(engine: string, env: PgEnvironment = process.env): ServerAddress {
  const parts = URL_PARTS.exec(engine)?.groups;
  if (parts === undefined) throw wrong('it is no URL', 'Write postgresql://user:password@host:port/database.');
  const query = new URLSearchParams(parts.query ?? '');
  const given = (value: string | undefined) => (value === undefined || value === '' ? undefined : decode(value));
  const pick = (option: string, ...others: (string | undefined)[]) =>
    [query.get(option) ?? undefined, ...others].find((value) => value !== undefined && value !== '');
  const port = Number(pick('port', parts.port, env.PGPORT) ?? 5432);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw wrong(`"${pick('port', parts.port, env.PGPORT)}" is no port`);
  const host = pick('host', parts.ipv6, given(parts.name), env.PGHOST) ?? defaultHost(port);
  if (host.includes(',')) throw wrong('it names several hosts', 'Name one; a failover address does for several servers.');
  const user = pick('user', given(parts.user), env.PGUSER) ?? userInfo().username;
  return {
    host,
    port,
    user,
    database: pick('dbname', given(parts.database), env.PGDATABASE) ?? user,
    password: pick('password', given(parts.password), env.PGPASSWORD),
    options: readOptions(query, env),
  };
}

/** The name of a database in messages: without the password. */
export function labelOf({ host, port, database, user }: ServerAddress): string {
  if (host.startsWith('/')) return `postgresql://${user}@/${database}?host=${host}${port === 5432 ? '' : `&port=${port}`}`;
  return `postgresql://${user}@${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;
}

/**
 * The environment in which libpq's own programs connect to a database. Their arguments show nothing
 * of it, and no password.
 */
export function libpqEnvironment(address: ServerAddress, env: PgEnvironment = process.env): Record<string, string | undefined> {
  const { host, port, database, user, password, options } = address;
  const variables = [...options].map(([name, value]) => [OPTIONS[name], value]);
  return {
    ...env,
    // A service file would take precedence.
    PGSERVICE: undefined,
    PGHOSTADDR: undefined,
    ...Object.fromEntries(variables),
    ...{ PGHOST: host, PGPORT: String(port), PGDATABASE: database, PGUSER: user },
    ...(password === undefined ? {} : { PGPASSWORD: password }),
  };
}

function readOptions(query: URLSearchParams, env: PgEnvironment): Map<LibpqOption, string> {
  const known = [...Object.keys(OPTIONS), ...PARTS, ...WITHOUT_MEANING];
  const unknown = [...query.keys()].find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(`the option "${unknown}" is not known`, `Known are ${known.join(', ')}.`);
  const options = new Map<LibpqOption, string>();
  for (const [name, variable] of Object.entries(OPTIONS) as [LibpqOption, string][]) {
    const value = query.get(name) ?? env[variable] ?? '';
    if (value !== '') options.set(name, value);
  }
  return options;
}

/** Where libpq of the distributions looks first, then where PostgreSQL itself puts its socket. */
function defaultHost(port: number): string {
  return ['/var/run/postgresql', '/tmp'].find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost';
}

/** As Python does: a percent sign without a code stands for itself. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => Buffer.from(codes.replaceAll('%', ''), 'hex').toString());
}

function wrong(problem: string, hint?: string): BackyError {
  return new BackyError('config', `[MetaBackend] engine: the URL of PostgreSQL can't be used: ${problem}.`, hint ? { hint } : {});
}
