import { describe, expect, it } from 'vitest';
import { built, joinSql, literal, quoted, sql } from '../../../../src/meta/sql/statement.ts';
import { statementBuilder } from '../../../../src/meta/sql/statement-builder.ts';

describe('a statement', () => {
  it('has each value as a parameter, in the order of the text', () => {
    const statement = sql`SELECT 1 FROM blocks WHERE uid = ${"'; DROP TABLE blocks"} AND id = ${7} AND checksum = ${null}`;
    expect(statement.text).toBe('SELECT 1 FROM blocks WHERE uid = ? AND id = ? AND checksum = ?');
    expect(statement.values).toEqual(["'; DROP TABLE blocks", 7, null]);
  });

  it('takes in other pieces with their values', () => {
    const isOld = sql`time < ${5}`;
    const statement = sql`SELECT ${quoted('a"b')} WHERE ${isOld} AND (${joinSql([isOld, sql`id = ${1}`], ', ')}) LIMIT ${literal(9)}`;
    expect(statement.text).toBe('SELECT "a""b" WHERE time < ? AND (time < ?, id = ?) LIMIT 9');
    expect(statement.values).toEqual([5, 5, 1]);
  });

  it('that knex built has the same form', async () => {
    const build = await statementBuilder();
    const { text, values } = built(build('tags').where('version_uid', 'v').whereIn('name', ['a', 'b']).delete());
    expect(text).toBe('delete from "tags" where "version_uid" = ? and "name" in (?, ?)');
    expect(values).toEqual(['v', 'a', 'b']);
  });
});
