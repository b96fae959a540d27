import type { RewrapCounts, RewrapRequest } from '../encryption-store.ts';
import type { PostgresConnection } from './connection.ts';
import { arrayOf } from './literals.ts';
import type { Session } from './session.ts';

/** Rows between two looks at messages and signals: 20 ms of key wrapping. */
const PAGE_ROWS = 1_000;

interface Row {
  uid: string | null;
  versionUid: string;
  id: number;
  valid: number;
  encVersion: number;
  envKey: string | null;
}

/** See EncryptionStore.rewrapKeys. Others may read; whoever wants to change block rows, the original too, waits. */
export function rewrapKeys(connection: PostgresConnection, order: RewrapRequest): Promise<RewrapCounts> {
  return connection.write(
    async (session) => {
      await session.script('LOCK TABLE blocks IN SHARE ROW EXCLUSIVE MODE');
      const { total } = await session.queryOne<{ total: number }>('SELECT count(*) AS total FROM blocks');
      const counts: RewrapCounts = { rewrapped: 0, left: 0, sparse: 0, plain: 0 };
      let done = 0;
      for (let page = await pageAfter(session, '', -1); page.length > 0; ) {
        await rewrapPage(session, page, order, counts);
        done += page.length;
        order.onProgress(done, total);
        const end = page.at(-1);
        page = end === undefined ? [] : await pageAfter(session, end.versionUid, end.id);
      }
      return counts;
    },
    // Callers report as it goes on, and a throw of theirs ends it: not to be begun again behind their back.
    { exclusion: 'judging', again: false },
  );
}

function pageAfter(session: Session, versionUid: string, id: number): Promise<Row[]> {
  return session.query<Row>(
    `SELECT uid, version_uid AS "versionUid", id, valid, enc_version AS "encVersion", enc_envkey AS "envKey"
     FROM blocks WHERE (version_uid, id) > ($1, $2) ORDER BY version_uid, id LIMIT ${PAGE_ROWS}`,
    [versionUid, id],
  );
}

async function rewrapPage(session: Session, page: readonly Row[], order: RewrapRequest, counts: RewrapCounts): Promise<void> {
  const changed: { versionUid: string; id: number; envKey: string }[] = [];
  for (const row of page) {
    if (row.uid === null || row.uid === '') counts.sparse++;
    else if (row.encVersion === 0) counts.plain++;
    else {
      const envKey = order.rewrap({ ...row, envKey: row.envKey ?? '', valid: row.valid !== 0 });
      if (envKey === undefined) counts.left++;
      else changed.push({ ...row, envKey });
    }
  }
  counts.rewrapped += changed.length;
  if (changed.length === 0) return;
  await session.run(
    `UPDATE blocks SET enc_envkey = r.key FROM unnest($1::text[], $2::int[], $3::text[]) AS r(version_uid, id, key)
     WHERE blocks.version_uid = r.version_uid AND blocks.id = r.id`,
    [
      arrayOf(changed.map((row) => row.versionUid)),
      arrayOf(changed.map((row) => row.id)),
      arrayOf(changed.map((row) => row.envKey)),
    ],
  );
}
