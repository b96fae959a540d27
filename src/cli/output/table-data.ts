/** What a cell can hold; null is shown empty. */
export type Cell = string | number | boolean | Date | null | readonly string[];

/** A column of a table: its name as in `-f`, and what is in it. */
export interface Column<Row> {
  name: string;
  /** `bytes` is shown with a unit by `-r`. */
  kind: 'text' | 'number' | 'bytes' | 'date' | 'flag' | 'list';
  align: 'left' | 'center' | 'right';
  /** Tables and machine output have it only when `-f` names it; JSON always has. */
  extra?: true;
  value(row: Row): Cell;
}

/** A table that a command returns. */
export interface TableData {
  columns: Omit<Column<unknown>, 'value'>[];
  rows: Cell[][];
}

/** The table as tables and machine output have it when no fields were asked for. */
export function withoutExtra({ columns, rows }: TableData): TableData {
  const keep = columns.map((column) => column.extra !== true);
  return { columns: columns.filter((_, index) => keep[index]), rows: rows.map((row) => row.filter((_, index) => keep[index])) };
}
