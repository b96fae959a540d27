import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';
import { NOTHING_REWRAPPED, newKeyOf, REWRAP_PAGE_ROWS, type WrappedRow } from '../sql/rewrap.ts';
import { sql } from '../sql/statement.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/**
 * See EncryptionStore.rewrapKeys. Others can read. All that change block rows wait, the original
 * too.
 */
export function rewrapKeys(connection: PostgresConnection, request: RewrapRequest): Promise<RewrapCounts> {
  return connection.write(
    async (session) => {
      await session.script('LOCK TABLE blocks IN SHARE ROW EXCLUSIVE MODE');
      const { total } = await session.queryOne<{ total: number }>(sql`SELECT count(*) AS total FROM blocks`);
      const counts = { ...NOTHING_REWRAPPED };
      let done = 0;
      for (let after = { versionUid: '', id: -1 }; ; ) {
        const page = await pageAfter(session, after);
        const end = page.at(-1);
        if (end === undefined) return counts;
        await writeKeys(
          session,
          page.flatMap((row) => {
            const envKey = newKeyOf(row, request, counts);
            return envKey === undefined ? [] : [{ ...row, envKey }];
          }),
        );
        done += page.length;
        request.onProgress(done, total);
        after = end;
      }
    },
    // Callers report progress, and may end it by a throw: it must not begin again unseen.
    { exclusion: 'judging', retry: false },
  );
}

function pageAfter(session: Session, { versionUid, id }: { versionUid: string; id: number }): Promise<WrappedRow[]> {
  return session.query<WrappedRow>(
    sql`SELECT uid, version_uid AS "versionUid", id, valid, enc_version AS "encVersion", enc_envkey AS "envKey"
      FROM blocks WHERE (version_uid, id) > (${versionUid}, ${id}) ORDER BY version_uid, id LIMIT ${REWRAP_PAGE_ROWS}`,
  );
}

async function writeKeys(session: Session, rows: readonly WrappedRow[]): Promise<void> {
  if (rows.length === 0) return;
  const versionUids = arrayOf(rows.map((row) => row.versionUid));
  const ids = arrayOf(rows.map((row) => row.id));
  const keys = arrayOf(rows.map((row) => row.envKey));
  await session.run(
    sql`UPDATE blocks SET enc_envkey = r.key
      FROM unnest(${versionUids}::text[], ${ids}::int[], ${keys}::text[]) AS r(version_uid, id, key)
      WHERE blocks.version_uid = r.version_uid AND blocks.id = r.id`,
  );
}
