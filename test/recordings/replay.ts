import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN_ROOT } from '../support/old/golden-root.ts';
import { IN_CI } from '../support/runner/machine.ts';
import { compareOutput, comparePhrases, streamRules } from './compare-output.ts';
import { inputDates } from './dates.ts';
import { type Difference, Differences } from './difference.ts';
import { DIFFERENCES } from './differences.ts';
import { hasRecordings } from './location.ts';
import {
  type Call,
  type ConfigFile,
  type Recording,
  readRecording,
  type ShellCommand,
  type SideStep,
  type Statement,
  type Step,
} from './recording.ts';
import { TIMEOUT_MS } from './run-binary.ts';
import { compareFiles, compareShell, writtenFile } from './shell.ts';
import { compareState } from './state.ts';
import { World } from './world.ts';

type Hook = (world: World) => void | Promise<void>;

/** Facts that a recording does not show: its initial state, and silent changes in between. */
interface Scenario {
  /** The file's name without its ending. */
  recording: string;
  /** Whether to begin with `initdb`, as most recordings do. */
  initdb?: boolean;
  /** Makes the initial state; the config files before the first call exist already. */
  setup?: Hook;
  /** Runs just before the call of that number. */
  before?: Record<number, Hook>;
  /** Runs right after the call of that number, before its results are looked at. */
  after?: Record<number, Hook>;
  /** Runs just before a step of the recorder. */
  beforeStep?: (world: World, step: SideStep) => void | Promise<void>;
  /** The time that a call sees, if its output shows it: then dates are compared unchanged. */
  clock?: (call: Call) => Date | undefined;
  /** Replaces the recorded stdin of a call. */
  stdin?: Record<number, (world: World) => string | Buffer>;
  /** The database that is looked at after a call. */
  database?: (call: number) => string;
  /**
   * A parameter of a recorded statement before the call of that number, if it is no version uid.
   */
  param?: (recorded: string, before: Call) => string;
  /**
   * Every call ends at its arguments. The wording of help and errors is ours
   * (docs/spec/command-line.md); the stream they go to is compared.
   */
  wordsAlone?: boolean;
  /** The config file for this run, made from the recorded one. */
  config?: (recorded: string) => string;
  /** Repeats a shell step of the recorder; `undefined`: not compared. Absent: compareShell. */
  shell?: (world: World, step: ShellCommand, wanted: string) => Promise<Texts | undefined>;
  /** Deliberate differences of this recording, if they are not in the common list. */
  differences?: readonly Difference[];
  /** Blocks hold exactly the recorded bytes. */
  exactChecksums?: boolean;
}

/** Expected and actual text, in comparable form. */
export interface Texts {
  expected: string;
  actual: string;
}

/** Longer than the limit of a call, whose error tells more. */
const TEST_TIMEOUT_MS = 2 * TIMEOUT_MS;

/**
 * Declares the tests of one recording: one per call, and one for the checks after it. They build on
 * each other.
 */
export function replay(scenario: Scenario): void {
  if (hasRecordings) describe(scenario.recording, { timeout: TEST_TIMEOUT_MS }, () => declare(scenario));
  else declareAbsence(scenario.recording);
}

function declareAbsence(name: string): void {
  const what = `${name}: there are no recordings in ${GOLDEN_ROOT} (BACKY_GOLDEN)`;
  describe.skipIf(!IN_CI)(what, () => {
    it('is replayed', () => expect.fail(what));
  });
}

function declare(scenario: Scenario): void {
  const recording = readRecording(scenario.recording);
  const replayer = new Replayer(scenario, recording);
  const { start, parts } = inParts(recording);
  beforeAll(() => replayer.start(start), TEST_TIMEOUT_MS);
  afterAll(() => replayer.world.remove());
  it('starts from the same state', () => replayer.sideSteps(start, 0));
  for (const [i, { call, looks }] of parts.entries()) {
    const name = `#${call.n} ${title(call)}`;
    const next = parts[i + 1]?.call;
    it(name, () => replayer.call(call));
    if (looks.length > 0) it(`#${call.n} leaves the same state`, () => replayer.sideSteps(looks, call.n, next));
  }
  it('needed every listed difference', () => expect(replayer.differences.unmet()).toEqual([]));
}

class Replayer {
  readonly world: World;
  readonly differences: Differences;
  private readonly scenario: Scenario;

  constructor(scenario: Scenario, recording: Recording) {
    this.scenario = scenario;
    this.world = new World(recording);
    this.differences = new Differences(scenario.differences ?? DIFFERENCES, recording);
  }

  async start(steps: SideStep[]): Promise<void> {
    for (const step of steps) if (step.kind === 'config') this.writeConfig(step);
    if (this.scenario.initdb ?? true) await this.world.backy('initdb');
    await this.scenario.setup?.(this.world);
  }

  async call(call: Call): Promise<void> {
    const { world, scenario, differences } = this;
    await scenario.before?.[call.n]?.(world);
    world.clock = scenario.clock?.(call);
    const { rc, stdout, stderr } = await world.run(
      call.argv.map((word) => world.names.toActual(word)),
      this.stdin(call),
      call.env ?? {},
    );
    await scenario.after?.[call.n]?.(world);
    const printed = `stdout:\n${stdout}\nstderr:\n${stderr}`;
    const wantedRc = differences.exitCode(call.n, call.rc);
    expect.soft(rc, `exit code; ${printed}`).toBe(wantedRc);
    if (scenario.wordsAlone) {
      expect
        .soft(speaking({ stdout, stderr }), printed)
        .toEqual(speaking({ stdout: differences.stdout(call.n, call.stdout), stderr: call.stderr }));
      return;
    }
    const wanted = differences.stdout(call.n, call.stdout);
    const output = compareOutput(world, call.argv, wanted, stdout);
    if (output) expect.soft(output.actual, printed).toEqual(output.expected);
    const phrases = comparePhrases(world, wanted, stdout);
    // A call that must end differently also prints other lines.
    if (wantedRc === call.rc) expect.soft(phrases.actual, printed).toEqual(phrases.expected);
    for (const { actual, expected } of streamRules(call.argv, { rc, stdout, stderr }))
      expect.soft(actual, printed).toBe(expected);
  }

  /** Repeats the recorder's steps between two calls, and compares what it looked at. */
  async sideSteps(steps: SideStep[], after: number, next?: Call): Promise<void> {
    for (const step of steps) {
      await this.scenario.beforeStep?.(this.world, step);
      if (step.kind === 'config') this.writeConfig(step);
      else if (step.kind === 'sql') this.statement(step, after, next);
      else await this.files(step, after);
    }
  }

  private statement(step: Statement, after: number, next: Call | undefined): void {
    const { world, scenario } = this;
    const database = scenario.database?.(after) ?? 'backy.sqlite';
    const params = step.params.map((param) => this.param(param, next));
    if (!step.sql.startsWith('select')) {
      world.database(database, (db) => db.prepare(step.sql).run(params));
      return;
    }
    const rows = this.differences.rows(after, step);
    const options = { database, params, exactChecksums: scenario.exactChecksums ?? false };
    const { expected, actual } = compareState(world, step, rows, options);
    expect.soft(actual, step.sql).toEqual(expected);
  }

  private param(recorded: string, next: Call | undefined): string {
    const { scenario, world } = this;
    const actual = world.names.toActual(recorded);
    return actual === recorded && next && scenario.param ? scenario.param(recorded, next) : actual;
  }

  private writeConfig({ name, text }: ConfigFile): void {
    this.world.write(name, this.scenario.config?.(text) ?? text);
  }

  private async files(step: ShellCommand, after: number): Promise<void> {
    const wanted = this.differences.files(after, step.command, step.output);
    const file = writtenFile(step);
    if (file) this.world.write(file.name, file.text);
    else if (step.kind === 'cmp') expect.soft(compareFiles(this.world, step)).toBe(wanted);
    else {
      const { shell = async () => compareShell(this.world, step, wanted) } = this.scenario;
      const compared = await shell(this.world, step, wanted);
      if (compared) expect.soft(compared.actual, step.command).toBe(compared.expected);
    }
  }

  private stdin(call: Call): string | Buffer | undefined {
    const own = this.scenario.stdin?.[call.n];
    if (own) return own(this.world);
    if (call.stdin === null) return undefined;
    return inputDates(this.world.names.toActual(call.stdin), this.world.startedMs);
  }
}

/** The streams with any output. */
function speaking({ stdout, stderr }: { stdout: string; stderr: string }): { stdout: boolean; stderr: boolean } {
  return { stdout: stdout !== '', stderr: stderr !== '' };
}

interface Part {
  call: Call;
  looks: SideStep[];
}

/** The calls, each with the recorder's steps after it. */
function inParts({ steps }: Recording): { start: SideStep[]; parts: Part[] } {
  const start: SideStep[] = [];
  const parts: Part[] = [];
  for (const step of steps as Step[]) {
    if (step.kind === 'call') parts.push({ call: step, looks: [] });
    else (parts.at(-1)?.looks ?? start).push(step);
  }
  return { start, parts };
}

const UID = /\b([0-9a-f]{8})-[0-9a-f-]{27}\b/g;

function title({ argv, note }: Call): string {
  const words = argv.map((word) => (/[\s'"]/.test(word) || word === '' ? JSON.stringify(word) : word)).join(' ');
  return `${words.replaceAll(UID, '$1…')}${note === null ? '' : ` (${note})`}`;
}
