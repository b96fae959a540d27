/** What a cell can hold; null is shown empty. */
export type Cell = string | number | boolean | Date | null | readonly string[];

/** A column of a table: its name as in `-f`, and what is in it. */
export interface Column<Row> {
  name: string;
  /** `bytes` is shown with a unit by `-r`. */
  kind: 'text' | 'number' | 'bytes' | 'date' | 'flag' | 'list';
  align: 'left' | 'center' | 'right';
  value(row: Row): Cell;
}

/** A table that a command returns. */
export interface TableData {
  columns: { name: string; kind: Column<unknown>['kind']; align: 'left' | 'center' | 'right' }[];
  rows: Cell[][];
}
