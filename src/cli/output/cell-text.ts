import { toSecondsText } from '../../model/dates.ts';
import { humanSize } from './human-size.ts';
import type { Cell, TableData } from './table-data.ts';

/** The text of a cell, in tables and in machine output. */
export function cellText(cell: Cell, kind: TableData['columns'][number]['kind'], human: boolean): string {
  if (cell === null) return '';
  if (cell instanceof Date) return Number.isNaN(cell.getTime()) ? 'invalid date' : toSecondsText(cell);
  if (typeof cell === 'boolean') return cell ? '1' : '0';
  if (typeof cell === 'object') return cell.join(',');
  if (kind === 'bytes' && human && typeof cell === 'number') return humanSize(cell);
  return String(cell);
}
