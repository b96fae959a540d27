import { toSecondsText } from '../../model/dates.ts';
import type { VersionGlimpse } from '../../model/version.ts';
import { toVersion, type VersionRecord } from '../sql/rows.ts';
import { sql } from '../sql/statement.ts';
import { parseEngineUrl } from './engine-url.ts';
import { SessionPool } from './session-pool.ts';

/** The user is typing: a distant or busy server is not worth a longer wait. */
const PATIENCE_MS = 1_000;

/** See {@link peekVersions}. */
export async function peekPostgres(engine: string): Promise<VersionGlimpse[]> {
  const pool = new SessionPool(parseEngineUrl(engine), { connectTimeoutMs: PATIENCE_MS });
  try {
    const { session, release } = await pool.lease();
    try {
      await session.script(`SET statement_timeout = ${PATIENCE_MS}; SET default_transaction_read_only = on`);
      const records = await session.query<VersionRecord & { tags: string[] }>(
        sql`SELECT versions.*, ARRAY(SELECT name::text FROM tags WHERE version_uid = uid ORDER BY name COLLATE "C") AS tags
         FROM versions ORDER BY date DESC, uid COLLATE "C"`,
      );
      return records.map((record) => {
        const { uid, name, snapshotName, date, valid } = toVersion(record);
        return { uid, name, snapshotName, valid, date: toSecondsText(date), tags: record.tags };
      });
    } finally {
      release(true);
    }
  } finally {
    await pool.close();
  }
}
