import { BackyError } from '../../errors.ts';
import { tableToJson, toJson } from './json.ts';
import type { JsonDocument } from './json-document.ts';
import { renderMachine } from './machine.ts';
import type { Outcome } from './outcome.ts';
import { withoutExtra } from './table-data.ts';
import { writeOut } from './write-out.ts';

/** How the global options ask for output. */
export interface OutputForm {
  /** With `--json` only. */
  document: JsonDocument | undefined;
  machine: boolean;
  skipHeader: boolean;
  human: boolean;
  /** The command's name, for errors. */
  command: string;
}

/**
 * Prints an outcome on stdout: as JSON, machine lines or a table.
 * @throws BackyError `usage` if the command writes its data to stdout and `--json` was given.
 */
export async function showOutcome(outcome: Outcome, form: OutputForm): Promise<void> {
  const { document, command } = form;
  if (document === undefined) await showText(outcome, form);
  else await showJson(outcome, document, command);
}

async function showText(outcome: Outcome, form: OutputForm): Promise<void> {
  if (outcome.text !== undefined) await pour(outcome.text);
  if (form.machine) for (const line of outcome.machineLines ?? []) writeOut(1, `${line}\n`);
  if (outcome.table === undefined) return;
  const table = withoutExtra(outcome.table);
  if (form.machine) {
    writeOut(1, renderMachine(table, form));
    return;
  }
  // Loaded only where a table is drawn: machine output must start fast.
  const { renderTable } = await import('./table.ts');
  writeOut(1, renderTable(table, form));
}

/** Prints text piece by piece, until it ends or the reader closes the pipe. */
async function pour(stream: AsyncIterable<string>): Promise<void> {
  for await (const text of stream) if (!writeOut(1, text)) return;
}

async function showJson({ items, table, result, text }: Outcome, document: JsonDocument, command: string): Promise<void> {
  if (items !== undefined) return document.printArray(items);
  if (table !== undefined) return document.print(tableToJson(table));
  if (result !== undefined) return document.print(toJson(result));
  if (text === undefined) throw new Error(`${command} has no result for --json`);
  throw new BackyError('usage', `${command} cannot print JSON here: its data goes to stdout.`, {
    hint: 'Write the data to a file, or leave --json out.',
  });
}
