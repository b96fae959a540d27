import type { Config } from '../../config/config.ts';
import type { Backy } from '../../core/backy.ts';
import type { RunSummary, StepOutcome } from '../../core/run/executor.ts';
import { slaNames } from '../../core/run/job-schedulers.ts';
import type { RunRequest } from '../../core/run/runner.ts';
import { messageWithHint, toBackyError } from '../../errors.ts';
import type { Action, Session } from '../command.ts';
import type { Outcome } from '../output/outcome.ts';
import { toTable } from '../output/select-fields.ts';
import { configFileToReadAgain } from './config-file.ts';
import { OwnProcesses } from './own-processes.ts';
import { ProblemReporter } from './problem-reporter.ts';
import { ProcessExecutor } from './process-executor.ts';
import { RUN_COLUMNS, summaryOf } from './run-table.ts';

/** Runs jobs and upkeep, and reports failures of the run itself too. */
export function runAction(request: RunRequest, config: Config): Action {
  const configFile = configFileToReadAgain(config);
  return async (session) => {
    const { backy, signal, logOptions: options } = session;
    const reporter = new ProblemReporter(session, config);
    const processes = new OwnProcesses({ configFile, options, signal });
    try {
      await backy.open({ anyLayout: false, asItIs: false });
      const summary = await backy.runJobs(executorFor(session, { config, processes, reporter }), request);
      await reporter.runIsFine();
      return outcomeOf(summary);
    } catch (error) {
      if (!signal.aborted) await reporter.runFailed(error);
      throw error;
    } finally {
      processes.close();
    }
  };
}

interface ExecutorParts {
  config: Config;
  processes: OwnProcesses;
  reporter: ProblemReporter;
}

function executorFor({ backy, fail }: Session, { config, processes, reporter }: ExecutorParts): ProcessExecutor {
  return new ProcessExecutor(processes, {
    prune: config.run.prune,
    scrubPercent: config.run.scrubPercent ?? 0,
    slaSchedulers: slaNames(config),
    recordSpace: () => recordSpace(backy),
    report: (report) => reporter.report(report),
    fail,
  });
}

/** In this process: it only reads the database. */
async function recordSpace(backy: Backy): Promise<StepOutcome> {
  try {
    await backy.recordSpace();
    return { exitCode: 0, problem: null };
  } catch (error) {
    const { exitCode, ...failure } = toBackyError(error);
    return { exitCode, problem: messageWithHint(failure) };
  }
}

function outcomeOf({ rows, exitCode, otherRun }: RunSummary): Outcome {
  const message = otherRun === null ? summaryOf(rows) : `Another run works on this host, so this one does nothing: ${otherRun}`;
  return { table: toTable(rows, RUN_COLUMNS), message, exitCode };
}
