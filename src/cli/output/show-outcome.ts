import { tableToJson, toJson } from './json.ts';
import type { JsonDocument } from './json-document.ts';
import { renderMachine } from './machine.ts';
import { noJson } from './no-json.ts';
import type { Outcome } from './outcome.ts';
import { type TableData, withoutExtra } from './table-data.ts';
import { roomOn, writeOut } from './write-out.ts';

/** How the global options ask for output. */
export interface OutputForm {
  /** With `--json` only. */
  document: JsonDocument | undefined;
  machine: boolean;
  skipHeader: boolean;
  human: boolean;
  /** The command's name, for errors. */
  command: string;
  /** Ends a wait for the reader. */
  signal: AbortSignal;
}

/**
 * Prints an outcome on stdout: as JSON, machine lines or a table. Resolves once it is written, or
 * the reader has closed the pipe.
 * @throws BackyError `usage` if the command writes its data to stdout and `--json` was given; `io`
 * if stdout can't be written.
 */
export async function showOutcome(outcome: Outcome, form: OutputForm): Promise<void> {
  const { document, command } = form;
  if (document === undefined) return showText(outcome, form);
  await showJson(outcome, document, command);
  await roomOn(1, form.signal);
}

async function showText({ text, machineLines, table }: Outcome, form: OutputForm): Promise<void> {
  if (text !== undefined) await pour(text, form.signal);
  if (form.machine && machineLines !== undefined) await pour([machineLines.map((line) => `${line}\n`).join('')], form.signal);
  if (table !== undefined) await pour([await render(withoutExtra(table), form)], form.signal);
}

async function render(table: TableData, form: OutputForm): Promise<string> {
  if (form.machine) return renderMachine(table, form);
  // Loaded only where a table is drawn: machine output must start fast.
  return (await import('./table.ts')).renderTable(table, form);
}

/** Prints text piece by piece, until it ends or the reader closes the pipe. */
async function pour(texts: AsyncIterable<string> | readonly string[], signal: AbortSignal): Promise<void> {
  for await (const text of texts) {
    if (!writeOut(1, text)) return;
    await roomOn(1, signal);
  }
}

async function showJson({ items, table, result, text }: Outcome, document: JsonDocument, command: string): Promise<void> {
  if (items !== undefined) return document.printArray(items);
  if (result !== undefined) return document.print(toJson(result));
  if (table !== undefined) return document.print(tableToJson(table));
  if (text === undefined) throw new Error(`${command} has no result for --json`);
  throw noJson(command);
}
