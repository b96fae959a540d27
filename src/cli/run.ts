import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { BackyError, messageOf } from '../errors.ts';
import { exitNow } from '../native/file-calls.ts';
import type { GlobalOptions, Outcome } from './command.ts';
import { ConsoleLog, writeOut } from './console-log.ts';
import { errorLine } from './error-line.ts';
import type { ParsedCall } from './program.ts';
import { renderJson, tableToJson, toJsonKeys } from './render/json.ts';
import { renderMachine } from './render/machine.ts';
import { secretsOf } from './secrets.ts';
import { createBacky, prepareEmbedded } from './session.ts';
import { abortOnSignals } from './signals.ts';
import { Status } from './status.ts';
import { allowsColor } from './terminal.ts';

/** Runs a parsed command to its end. @returns the exit code. */
export async function runCommand(call: ParsedCall, argv: readonly string[]): Promise<number> {
  const { globals } = call;
  const quiet = globals.machineOutput === true || globals.json === true;
  const verbose = globals.verbose === true || globals.debug === true;
  const log = new ConsoleLog({
    console: quiet ? 'ERROR' : verbose ? 'DEBUG' : 'INFO',
    file: verbose ? 'DEBUG' : 'INFO',
    color: allowsColor(globals.color),
  });
  const stuck = { threads: false };
  let exitCode: number;
  try {
    const config = loadConfig(globals.configfile);
    if (config.embedded) prepareEmbedded(config);
    log.hide(secretsOf(config));
    log.openFile(config.logfile);
    exitCode = await execute(call, { argv, config, log, stuck });
  } catch (error) {
    exitCode = reportFailure(error, call, log);
    // A read that nobody answers, of a pipe for instance, sits in a thread as well.
    if (error instanceof BackyError && error.code === 'interrupted') stuck.threads = true;
  }
  log.close();
  // A thread that hangs in the kernel would keep a normal exit waiting for ever.
  if (stuck.threads) exitNow(exitCode);
  return exitCode;
}

interface Execution {
  argv: readonly string[];
  config: Config;
  log: ConsoleLog;
  stuck: { threads: boolean };
}

async function execute(call: ParsedCall, { argv, config, log, stuck }: Execution): Promise<number> {
  log.info(`$ backy2 ${argv.join(' ')}`);
  for (const warning of config.warnings) log.warning(warning);
  if (config.embedded)
    log.info(`No config file: using the embedded default, with its state in ${config.logfile.replace(/\/[^/]*$/, '')}.`);
  const status = new Status(log, config.processName);
  process.on('SIGUSR1', () => status.tell());
  const signal = abortOnSignals();
  const saysSo = () => log.warning('Stopping as soon as what is in flight has ended. A second signal stops at once.');
  signal.addEventListener('abort', saysSo);
  const backy = createBacky({
    config,
    logger: log,
    signal,
    onProgress: (progress) => status.update(progress),
    onStuckThreads: () => {
      stuck.threads = true;
    },
  });
  try {
    if (call.command.needsDatabase !== false) await backy.open();
    const { machineOutput } = call.globals;
    const outcome = await call.command.run({
      args: call.args,
      options: call.options,
      backy,
      stdin: process.stdin,
      sayMachine: (line) => {
        if (machineOutput === true) writeOut(1, `${line}\n`);
      },
      watch: (operation, what) => status.watch({ operation, what }),
      warn: (text) => log.warning(text),
    });
    await show(outcome, call.globals, log);
    return conclude(outcome.exitCode ?? 0, log);
  } finally {
    status.close();
    await backy.close();
  }
}

async function show(outcome: Outcome, globals: GlobalOptions, log: ConsoleLog): Promise<void> {
  if (outcome.text !== undefined) for await (const text of outcome.text) writeOut(1, text);
  if (outcome.message !== undefined) log.info(outcome.message);
  if (globals.json === true) {
    const document = outcome.table === undefined ? toJsonKeys(outcome.result) : tableToJson(outcome.table);
    if (document !== undefined && outcome.text === undefined) writeOut(1, renderJson(document));
    return;
  }
  if (globals.machineOutput === true) for (const line of outcome.machineLines ?? []) writeOut(1, `${line}\n`);
  if (outcome.table === undefined) return;
  const form = { skipHeader: globals.skipHeader === true, human: globals.humanReadable === true };
  if (globals.machineOutput === true) return writeOut(1, renderMachine(outcome.table, form));
  // Loaded only where a table is drawn: machine output is what must start fast.
  const { renderTable } = await import('./render/table.ts');
  writeOut(1, renderTable(outcome.table, form));
}

function conclude(exitCode: number, log: ConsoleLog): number {
  if (exitCode === 0) log.info('Backy complete.');
  else log.error('Backy failed.');
  return exitCode;
}

/** One line with what is wrong and what to do (cli.md); stack traces only with -d. */
function reportFailure(error: unknown, { globals, command }: ParsedCall, log: ConsoleLog): number {
  const known =
    error instanceof BackyError ? error : new BackyError('failed', `Unexpected error: ${messageOf(error)}`, { cause: error });
  const exitCode = exitCodeOf(known, command.name);
  log.error(errorLine(known));
  if (globals.debug === true && error instanceof Error) log.errorLines(stackOf(error));
  if (globals.json === true) {
    writeOut(
      1,
      renderJson({ error: { code: known.code, exit_code: exitCode, message: known.message, hint: known.hint ?? null } }),
    );
  }
  log.error('Backy failed.');
  return exitCode;
}

/** Exit code 6 tells scripts that a backup or restore can be gone on with; in other commands it would promise what is not so (cli.md). */
function exitCodeOf(error: BackyError, command: string): number {
  const goesOn = command === 'backup' || command === 'restore';
  return error.code === 'dataBackend' && !goesOn ? new BackyError('failed', '').exitCode : error.exitCode;
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
