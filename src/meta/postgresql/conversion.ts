import type { Layout } from '../../model/layout.ts';
import { resolveBlobs } from '../compact/catalogue-marks.ts';
import { type Conversion, type DatabaseSize, unusableCopy } from '../conversion.ts';
import type { MetaStore } from '../meta-store.ts';
import { NoDatabaseError } from '../no-database.ts';
import { bind } from '../sql/bind.ts';
import { copyRest } from '../sql/copy-rest.ts';
import { countContent } from '../sql/database-size.ts';
import { TABLE_NAMES } from '../sql/schema.ts';
import { joinSql, quoted, sql } from '../sql/statement.ts';
import { rowOf, rowsOf, run, type Steps } from '../sql/steps.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';

/** Where the new tables are until they replace the old ones. */
const BESIDE = 'backy2_converting';

const GIVE_UP = `run the SQL statement: DROP SCHEMA ${BESIDE} CASCADE`;

const CURRENT_SCHEMA = sql`SELECT current_schema() AS schema`;

/** A store with its connection. */
export interface ConnectedStore {
  store: MetaStore;
  connection: PostgresConnection;
}

/**
 * See ConversionStore.convertTo. The new tables are in a schema of their own. One transaction drops
 * the old ones and moves the new ones to their place.
 */
export async function convertTo(
  source: PostgresConnection,
  to: Layout,
  connect: (options: string) => ConnectedStore,
): Promise<Conversion<MetaStore>> {
  const { layout: from } = source;
  await source.makeSideTables();
  await resolveBlobs(source);
  const { schema } = await source.queryOne<{ schema: string }>(CURRENT_SCHEMA);
  await source.write((session) => session.script(`CREATE SCHEMA IF NOT EXISTS ${BESIDE}`), { exclusion: 'schema' });
  const { store, connection } = connect(`-c search_path=${BESIDE}`);
  try {
    await openOrCreate(store, to);
  } catch (error) {
    await store.close().catch(() => {});
    throw error;
  }
  return {
    ...{ target: store, giveUp: GIVE_UP },
    ...bind(source, {
      copyRest: () =>
        connection.transaction(function* () {
          yield* copyRest({ schema, layout: from });
          yield* rowOf(sql`SELECT setval(pg_get_serial_sequence('stats', 'id'), greatest(max(id), 1)) FROM stats`);
        }),
      async replace() {
        await store.close();
        await source.write((session) => session.play(replaceTables(schema)), { exclusion: 'schema', sideTables: false });
        await source.close();
        return undefined;
      },
      close: () => store.close(),
    }),
  };
}

async function openOrCreate(store: MetaStore, layout: Layout): Promise<void> {
  try {
    await store.open({ layout });
  } catch (error) {
    if (!(error instanceof NoDatabaseError)) throw unusableCopy(error, { place: `The schema ${BESIDE}`, giveUp: GIVE_UP });
    await store.initialize(layout);
    await store.open({ layout });
  }
}

/** See ConversionStore.databaseSize. */
export async function databaseSize(connection: PostgresConnection): Promise<DatabaseSize> {
  const bytes = await connection.read(function* () {
    const { schema } = yield* rowOf<{ schema: string }>(CURRENT_SCHEMA);
    const names = (yield* tablesIn(schema)).map((table) => `"${schema}"."${table}"`);
    const total = sql`SELECT coalesce(sum(pg_total_relation_size(name::regclass)), 0) AS bytes FROM unnest(${arrayOf(names)}::text[]) AS name`;
    return (yield* rowOf<{ bytes: number }>(total)).bytes;
  });
  return { bytes, ...(await countContent(connection, connection.layout)) };
}

/** Our tables in a schema. */
function* tablesIn(schema: string): Steps<string[]> {
  const tables = yield* rowsOf<{ name: string }>(
    sql`SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema}
      AND (tablename = ANY(${arrayOf([...TABLE_NAMES, 'alembic_version'])}::text[]) OR tablename LIKE 'backy2\\_%') ORDER BY 1`,
  );
  return tables.map(({ name }) => name);
}

/** Tables of others in the same schema stay. */
function* replaceTables(schema: string): Steps<void> {
  const [old, made] = [yield* tablesIn(schema), yield* tablesIn(BESIDE)];
  const names = old.map((table) => sql`${quoted(schema)}.${quoted(table)}`);
  // One statement: they refer to each other.
  yield* run(sql`DROP TABLE ${joinSql(names, ', ')}`);
  for (const table of made) yield* run(sql`ALTER TABLE ${quoted(BESIDE)}.${quoted(table)} SET SCHEMA ${quoted(schema)}`);
  yield* run(sql`DROP SCHEMA ${quoted(BESIDE)}`);
}
