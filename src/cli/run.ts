import type { Config } from '../config/config.ts';
import { processEnvironment } from '../config/environment.ts';
import { loadConfig } from '../config/load.ts';
import type { Backy } from '../core/backy.ts';
import { BackyError, messageOf } from '../errors.ts';
import { exitNow } from '../native/file-calls.ts';
import type { Session } from './command.ts';
import { abortOnSignals, type SignalWatch } from './live/signals.ts';
import { Status } from './live/status.ts';
import { ConsoleLog } from './log/console-log.ts';
import { secretsOf } from './log/secrets.ts';
import { inputReader, mayWait, type ReadInput } from './options/read-input.ts';
import { errorLine } from './output/error-line.ts';
import { type Failure, failureDocument, failureOf } from './output/failure.ts';
import { JsonDocument } from './output/json-document.ts';
import { type Outcome, READER_GONE } from './output/outcome.ts';
import { pluginCode } from './output/plugin.ts';
import { type OutputForm, showOutcome } from './output/show-outcome.ts';
import { allowsColor } from './output/terminal.ts';
import { settleOutput, settleOutputAtOnce, writeOut } from './output/write-out.ts';
import type { ParsedCall } from './program.ts';
import { createBacky, prepareEmbedded } from './session.ts';

/** Runs a parsed command to its end. @returns the exit code. */
export async function runCommand(call: ParsedCall, argv: readonly string[]): Promise<number> {
  const signals = abortOnSignals((reason) => run.document?.fail(failureDocument(failureIn(reason, run), run.known)));
  const run: Run = {
    call,
    argv,
    log: createLog(call),
    document: call.globals.json === true ? JsonDocument.onStdout(signals.signal) : undefined,
    known: {},
    stuckThreads: false,
  };
  // An unforeseen error must not end the program with a bare stack and a misleading exit code.
  const onUncaught = (error: Error) => {
    const exitCode = reportFailure(error, run);
    void settleOutputAtOnce().finally(() => exitNow(exitCode));
  };
  process.once('uncaughtException', onUncaught);
  // The launcher keeps Node from printing them.
  const onWarning = ({ name, message }: Error) => run.log.debug(`Node.js warns: ${name}: ${message}`);
  process.on('warning', onWarning);
  let exitCode: number;
  try {
    exitCode = await execute(run, signals);
  } catch (error) {
    exitCode = reportFailure(error, run);
    // A thread may still wait in a read that never returns, from a pipe for instance.
    if (error instanceof BackyError && (error.code === 'interrupted' || error.code === 'lockLost')) run.stuckThreads = true;
  }
  if (await settleOutput(signals.signal, run.log)) run.log.close();
  else run.stuckThreads = true;
  signals.end();
  process.off('uncaughtException', onUncaught);
  process.off('warning', onWarning);
  // A thread that hangs in the kernel would block a normal exit for ever.
  if (run.stuckThreads) exitNow(exitCode);
  return exitCode;
}

/** A run of the program, from its words to its exit code. */
interface Run {
  call: ParsedCall;
  argv: readonly string[];
  log: ConsoleLog;
  /** With `--json` only. */
  document: JsonDocument | undefined;
  /** The parts of the result that the command has recorded so far. */
  known: Record<string, unknown>;
  stuckThreads: boolean;
}

function createLog({ globals, command, ...invocation }: ParsedCall): ConsoleLog {
  const asked = globals.quiet === true || globals.machineOutput === true || globals.json === true;
  const quiet = asked || command.isQuiet?.(invocation) === true;
  const verbose = globals.verbose === true || globals.debug === true;
  return new ConsoleLog({
    console: quiet ? 'ERROR' : verbose ? 'DEBUG' : 'INFO',
    file: verbose ? 'DEBUG' : 'INFO',
    color: allowsColor(globals.color),
    linesTo: command.logsToStderr === true || command.streamsBytes?.(invocation) === true ? 2 : 1,
  });
}

/** Reads the config file, checks the words, then opens the store and runs the command. */
async function execute(run: Run, { signal, serveOnce }: SignalWatch): Promise<number> {
  const { call, log } = run;
  const read = inputReader({ signal, stdin: () => process.stdin, warn: (text) => log.warning(text) });
  const config = await configOf(call, read);
  await openLog(run, config);
  const status = new Status(log, { processName: config.processName, isQuiet: call.globals.quiet === true });
  signal.addEventListener('abort', () =>
    log.warning('Stopping once the blocks in flight are done. A second signal stops at once.'),
  );
  const action = await call.command.prepare(call, config, read);
  const selection = call.command.fromStore?.(call);
  const backy = await createBacky({
    config,
    command: call.command.name,
    logger: log,
    signal,
    needsDatabase: selection === undefined,
    onProgress: (progress) => status.update(progress),
    onStuckThreads: () => {
      run.stuckThreads = true;
    },
  });
  // Waits of the database block this thread.
  if (call.command.isShort !== true) serveOnce();
  const tellStatus = () => status.tell();
  process.on('SIGUSR1', tellStatus);
  try {
    const session = sessionOf(run, { backy, status, signal });
    const { needsDatabase, anyLayout = false, asItIs, changesVersions } = call.command;
    if (selection !== undefined) await backy.openFromStore(selection);
    else if (needsDatabase !== false) await backy.open({ anyLayout, asItIs: asItIs?.(call) === true });
    const changes = changesVersions === true && selection === undefined;
    const outcome = await (changes ? flushing(backy, () => action(session)) : action(session));
    await showOutcome(outcome, formOf(run, signal));
    if (outcome.message !== undefined) log.info(outcome.message);
    return conclude(outcome, log);
  } finally {
    process.off('SIGUSR1', tellStatus);
    status.close();
    await backy.close();
  }
}

/** The catalogue first gets what an earlier command has left, then what this one changes. */
async function flushing<T>(backy: Backy, body: () => Promise<T>): Promise<T> {
  await backy.flushCatalogue('before');
  let isBroken = false;
  try {
    return await body();
  } catch (error) {
    // With database or data backend broken, it would only take longer to fail.
    isBroken = error instanceof BackyError && ['database', 'dataBackend'].includes(error.code);
    throw error;
  } finally {
    if (!isBroken) await backy.flushCatalogue('after');
  }
}

/** Reads the config file, which may be a pipe. */
async function configOf({ globals: { configfile } }: ParsedCall, read: ReadInput): Promise<Config> {
  return loadConfig(configfile, processEnvironment(), configfile && mayWait(configfile) ? await read(configfile) : undefined);
}

async function openLog({ call, argv, log }: Run, config: Config): Promise<void> {
  if (config.embedded) await prepareEmbedded(config);
  log.hide(secretsOf(config));
  log.openFile(config.logfile, config.fileMode);
  log.info(`$ backy2 ${withoutSecrets(argv, call).join(' ')}`);
  for (const warning of config.warnings) log.warning(warning);
  if (config.embedded)
    log.info(`No config file: using the embedded default, with its state in ${config.logfile.replace(/\/[^/]*$/, '')}.`);
}

function sessionOf(
  { call, log, known }: Run,
  { backy, status, signal }: Pick<Session, 'backy' | 'signal'> & { status: Status },
): Session {
  const { machineOutput, json, verbose, debug } = call.globals;
  return {
    ...{ backy, signal },
    logOptions: [...(verbose === true ? ['-v'] : []), ...(debug === true ? ['-d'] : [])],
    // Node creates the stream on first use, which loads its network code.
    get stdin() {
      return process.stdin;
    },
    sayMachine: (line) => {
      if (machineOutput === true && json !== true) sayOrLog(line, log);
    },
    note: (part) => Object.assign(known, part),
    watch: (operation, what) => status.watch({ operation, what }),
    warn: (text) => log.warning(text),
    say: (text) => log.info(text),
    fail: (text) => log.error(text),
  };
}

/** A full disk behind stdout must not stop a backup. The result at the end fails there too. */
function sayOrLog(line: string, log: ConsoleLog): void {
  try {
    writeOut(1, `${line}\n`);
  } catch (error) {
    log.warning(messageOf(error));
  }
}

function formOf({ call: { command, globals }, document }: Run, signal: AbortSignal): OutputForm {
  return {
    document,
    machine: globals.machineOutput === true,
    skipHeader: globals.skipHeader === true,
    human: globals.humanReadable === true,
    command: command.name,
    signal,
  };
}

/** The words of the command line, with secret arguments hidden. */
function withoutSecrets(argv: readonly string[], { command, args }: ParsedCall): string[] {
  const secrets = command.secretArgs?.map((position) => args[position]) ?? [];
  return argv.map((word) => (secrets.includes(word) ? '<hidden>' : word));
}

function conclude({ exitCode = 0, isVerdict }: Outcome, log: ConsoleLog): number {
  if (exitCode === 0 || isVerdict === true) log.info('Backy complete.');
  // Nobody waits for the rest, so that it is no error to tell.
  else if (exitCode === READER_GONE) log.info('Backy failed.');
  else log.error('Backy failed.');
  return exitCode;
}

/** Logs one line with error and hint, and a stack trace with -d. @returns the exit code. */
function reportFailure(error: unknown, run: Run): number {
  const { call, log, document, known } = run;
  const failure = failureIn(error, run);
  const line = call.globals.json === true ? undefined : call.command.failureLine?.(call, failure.message);
  if (line !== undefined) sayOrLog(line, log);
  log.error(errorLine(failure));
  if (call.globals.debug === true && error instanceof Error) log.errorLines(stackOf(error));
  document?.fail(failureDocument(failure, known));
  log.error('Backy failed.');
  return failure.exitCode;
}

function failureIn(error: unknown, { call: { command }, argv }: Run): Failure {
  const failure = failureOf(error, command.name);
  return command.isPlugin?.(argv) === true ? { ...failure, exitCode: pluginCode(failure) } : failure;
}

function stackOf(error: Error): string {
  const own = error.stack ?? error.message;
  return error.cause instanceof Error ? `${own}\nCaused by: ${stackOf(error.cause)}` : own;
}
