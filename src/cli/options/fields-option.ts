import type { WordSpec } from '../command.ts';
import type { Column } from '../output/table-data.ts';

/** The option `-f` of a command that prints a table. The shell completes the columns' names. */
export function fieldsOption(columns: readonly Pick<Column<never>, 'name' | 'extra'>[]): WordSpec {
  const names = columns.map(({ name }) => name);
  const extra = columns.filter((column) => column.extra === true).map(({ name }) => name);
  const remark = extra.length === 0 ? '' : ` [all but ${extra.join(',')}]`;
  return ['-f, --fields <fields>', `print these columns: ${names.join(',')}${remark}`, names];
}
