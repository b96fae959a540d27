import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Problem, ProblemReport } from '../../core/run/executor.ts';
import { runHook } from '../../core/run/hook.ts';
import { messageWithHint } from '../../errors.ts';
import type { Session } from '../command.ts';
import { failureOf } from '../output/failure.ts';
import { jsonText, toJson } from '../output/json.ts';
import { configFileForHooks } from './config-file.ts';
import { DailyMark } from './daily-mark.ts';

/** A run that failed as a whole is a problem as well. Its name is the host's. */
type AnyProblem = Omit<Problem, 'kind'> & { kind: Problem['kind'] | 'run' };

interface AnyReport {
  problems: readonly AnyProblem[];
  resolved: readonly Pick<AnyProblem, 'kind' | 'name' | 'job'>[];
}

const TIMEOUT_MS = 60_000;

/** Passes problems to `on_problem`, as a JSON document on its stdin (docs/json/on-problem.json). */
export class ProblemReporter {
  readonly #session: Pick<Session, 'warn' | 'say'>;
  readonly #config: Config;
  readonly #started = new Date();
  /** For failures that the database cannot remember. */
  readonly #mark: DailyMark;

  constructor(session: Pick<Session, 'warn' | 'say'>, config: Config) {
    this.#session = session;
    this.#config = config;
    this.#mark = new DailyMark(config);
  }

  /** @returns false if nobody got it. */
  async report(report: ProblemReport): Promise<boolean> {
    return this.#send(report);
  }

  /** Reports that no run was possible, at most once a day. */
  async runFailed(error: unknown): Promise<void> {
    if (this.#mark.isFresh()) return;
    const { exitCode, ...failure } = failureOf(error, 'run');
    const message = messageWithHint(failure);
    const problem = { ...this.#self(), exitCode, message, lines: [], since: this.#started, failures: 1 };
    if (await this.#send({ problems: [problem], resolved: [] })) this.#mark.set();
  }

  /** Reports that runs are possible again. */
  async runIsFine(): Promise<void> {
    if (this.#mark.isSet() && (await this.#send({ problems: [], resolved: [this.#self()] }))) this.#mark.remove();
  }

  #self() {
    return { kind: 'run', name: hostname(), job: '' } as const;
  }

  async #send(report: AnyReport): Promise<boolean> {
    const command = this.#config.run.onProblem;
    if (command === undefined) return false;
    const config = this.#config.files.map((file) => resolve(file)).join(', ');
    const document = toJson({ host: hostname(), config, run: { started: this.#started }, ...report });
    const { say, warn } = this.#session;
    const logger = { debug: say, info: say, warning: warn, error: warn };
    const failure = await runHook({
      ...{ command, what: 'on_problem', mark: 'backy-on-problem', timeoutMs: TIMEOUT_MS, logger },
      env: { BACKY2_HOOK: 'on_problem', BACKY2_CONFIG: configFileForHooks(this.#config) },
      stdin: `${[...jsonText(document, '\n')].join('')}\n`,
    });
    if (failure !== undefined) warn(`on_problem ${failure}. The problems are reported again at the next run.`);
    return failure === undefined;
  }
}
