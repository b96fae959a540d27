import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { BackyError } from '../errors.ts';
import { exitNow } from '../native/file-calls.ts';
import type { Outcome } from './command.ts';
import { abortOnSignals } from './live/signals.ts';
import { Status } from './live/status.ts';
import { ConsoleLog, writeOut } from './log/console-log.ts';
import { secretsOf } from './log/secrets.ts';
import { errorLine } from './output/error-line.ts';
import { failureDocument, failureOf } from './output/failure.ts';
import { tableToJson, toJson } from './output/json.ts';
import { JsonDocument } from './output/json-document.ts';
import { renderMachine } from './output/machine.ts';
import { withoutExtra } from './output/table-data.ts';
import { allowsColor } from './output/terminal.ts';
import type { ParsedCall } from './program.ts';
import { createBacky, prepareEmbedded } from './session.ts';

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
  const run: Run = {
    call,
    argv,
    log,
    document: globals.json === true ? new JsonDocument() : undefined,
    known: {},
    stuckThreads: false,
  };
  // Nothing that nobody foresaw may end the program with a bare stack and an exit code that means something else.
  const onUncaught = (error: Error) => exitNow(reportFailure(error, run));
  process.once('uncaughtException', onUncaught);
  const signals = abortOnSignals((reason) =>
    run.document?.fail(failureDocument(failureOf(reason, call.command.name), run.known)),
  );
  let exitCode: number;
  try {
    const config = loadConfig(globals.configfile);
    if (config.embedded) prepareEmbedded(config);
    log.hide(secretsOf(config));
    log.openFile(config.logfile);
    exitCode = await execute(run, config, signals.signal);
  } catch (error) {
    exitCode = reportFailure(error, run);
    // A read that nobody answers, of a pipe for instance, sits in a thread as well.
    if (error instanceof BackyError && (error.code === 'interrupted' || error.code === 'lockLost')) run.stuckThreads = true;
  }
  log.close();
  signals.end();
  process.off('uncaughtException', onUncaught);
  // A thread that hangs in the kernel would keep a normal exit waiting for ever.
  if (run.stuckThreads) exitNow(exitCode);
  return exitCode;
}

/** A run of the program, from its words to its exit code. */
interface Run {
  call: ParsedCall;
  argv: readonly string[];
  log: ConsoleLog;
  /** With `--json` alone. */
  document: JsonDocument | undefined;
  /** What the command has told of its result so far. */
  known: Record<string, unknown>;
  stuckThreads: boolean;
}

async function execute(run: Run, config: Config, signal: AbortSignal): Promise<number> {
  const { call, log } = run;
  log.info(`$ backy2 ${withoutSecrets(run.argv, call).join(' ')}`);
  for (const warning of config.warnings) log.warning(warning);
  if (config.embedded)
    log.info(`No config file: using the embedded default, with its state in ${config.logfile.replace(/\/[^/]*$/, '')}.`);
  const status = new Status(log, config.processName);
  const saysSo = () => log.warning('Stopping as soon as what is in flight has ended. A second signal stops at once.');
  signal.addEventListener('abort', saysSo);
  const backy = await createBacky({
    config,
    command: call.command.name,
    logger: log,
    signal,
    onProgress: (progress) => status.update(progress),
    onStuckThreads: () => {
      run.stuckThreads = true;
    },
  });
  const tell = () => status.tell();
  process.on('SIGUSR1', tell);
  try {
    if (call.command.needsDatabase !== false) await backy.open();
    const { machineOutput, json } = call.globals;
    const outcome = await call.command.run({
      args: call.args,
      options: call.options,
      backy,
      // Node makes the stream once somebody asks for it, which loads its network code.
      get stdin() {
        return process.stdin;
      },
      sayMachine: (line) => {
        if (machineOutput === true && json !== true) writeOut(1, `${line}\n`);
      },
      note: (known) => Object.assign(run.known, known),
      watch: (operation, what) => status.watch({ operation, what }),
      warn: (text) => log.warning(text),
      fail: (text) => log.error(text),
    });
    if (run.document === undefined) await show(outcome, run);
    else await showJson(outcome, run.document, call.command.name);
    if (outcome.message !== undefined) log.info(outcome.message);
    return conclude(outcome.exitCode ?? 0, log);
  } finally {
    process.off('SIGUSR1', tell);
    status.close();
    await backy.close();
  }
}

/** The words of the command line as a log may have them. */
function withoutSecrets(argv: readonly string[], { command, args }: ParsedCall): string[] {
  const secrets = command.secretArgs?.map((position) => args[position]) ?? [];
  return argv.map((word) => (secrets.includes(word) ? '<hidden>' : word));
}

async function show(outcome: Outcome, { call: { globals } }: Run): Promise<void> {
  if (outcome.text !== undefined) await pour(outcome.text);
  if (globals.machineOutput === true) for (const line of outcome.machineLines ?? []) writeOut(1, `${line}\n`);
  if (outcome.table === undefined) return;
  const form = { skipHeader: globals.skipHeader === true, human: globals.humanReadable === true };
  const table = withoutExtra(outcome.table);
  if (globals.machineOutput === true) {
    writeOut(1, renderMachine(table, form));
    return;
  }
  // Loaded only where a table is drawn: machine output is what must start fast.
  const { renderTable } = await import('./output/table.ts');
  writeOut(1, renderTable(table, form));
}

/** Prints text as it comes, until it ends or nobody reads it any more. */
async function pour(stream: AsyncIterable<string>): Promise<void> {
  for await (const text of stream) if (!writeOut(1, text)) return;
}

async function showJson({ items, table, result, text }: Outcome, document: JsonDocument, command: string): Promise<void> {
  if (items !== undefined) return document.printArray(items);
  if (table !== undefined) return document.print(tableToJson(table));
  if (result !== undefined) return document.print(toJson(result));
  if (text === undefined) throw new Error(`${command} has no result for --json`);
  throw new BackyError('usage', `What ${command} writes to stdout here is not JSON.`, {
    hint: 'Leave --json out, or have it write to a file if it can.',
  });
}

function conclude(exitCode: number, log: ConsoleLog): number {
  if (exitCode === 0) log.info('Backy complete.');
  else log.error('Backy failed.');
  return exitCode;
}

/** One line with what is wrong and what to do (cli.md); stack traces only with -d. @returns the exit code. */
function reportFailure(error: unknown, { call, log, document, known }: Run): number {
  const failure = failureOf(error, call.command.name);
  log.error(errorLine(failure));
  if (call.globals.debug === true && error instanceof Error) log.errorLines(stackOf(error));
  document?.fail(failureDocument(failure, known));
  log.error('Backy failed.');
  return failure.exitCode;
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
