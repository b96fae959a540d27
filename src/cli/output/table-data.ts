/** The value of a cell; null is shown empty. */
export type Cell = string | number | boolean | Date | null | readonly string[];

/** A column of a table. */
export interface Column<Row> {
  /** As in `-f`. */
  name: string;
  /** `-r` shows `bytes` with a unit. */
  kind: 'text' | 'number' | 'bytes' | 'date' | 'flag' | 'list';
  align: 'left' | 'center' | 'right';
  /** Shown only if `-f` names it; JSON always has it. */
  extra?: true;
  value(row: Row): Cell;
}

/** How a table is printed as text. */
export interface TextForm {
  skipHeader: boolean;
  /** Sizes with units. */
  human: boolean;
}

/** A table that a command returns. */
export interface TableData {
  columns: Omit<Column<unknown>, 'value'>[];
  rows: Cell[][];
}

/** The table without its extra columns. */
export function withoutExtra({ columns, rows }: TableData): TableData {
  const keep = columns.map((column) => column.extra !== true);
  return { columns: columns.filter((_, index) => keep[index]), rows: rows.map((row) => row.filter((_, index) => keep[index])) };
}
