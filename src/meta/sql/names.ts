import type { SeenName } from '../name-store.ts';
import type { SqlDatabase } from './database.ts';
import { nameKey } from './name-steps.ts';
import { sql } from './statement.ts';
import { run } from './steps.ts';

/** See NameStore.seenNames. Makes no table: a host that only reads may not. */
export async function seenNames(db: SqlDatabase): Promise<SeenName[]> {
  if ((await db.query(db.dialect.hasTable('backy2_names'))).length === 0) return [];
  const rows = await db.query<{ name: string; since: number }>(sql`SELECT name, since FROM backy2_names`);
  return rows.map(({ name, since }) => ({ name, since: new Date(since * 1000) }));
}

/** See NameStore.forgetName. */
export async function forgetName(db: SqlDatabase, name: string): Promise<boolean> {
  return (await db.transaction(() => run(sql`DELETE FROM backy2_names WHERE hash = ${nameKey(name)}`))) > 0;
}
