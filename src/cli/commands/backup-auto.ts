import type { AutoRequest } from '../../core/auto/auto-backup.ts';
import type { AutoResult } from '../../core/auto/auto-request.ts';
import type { BackupResult } from '../../core/backup/request.ts';
import { BackyError } from '../../errors.ts';
import type { Action, Invocation } from '../command.ts';
import { flag, text } from '../options/option-values.ts';
import { parseWhole } from '../options/parse-values.ts';
import { errorLine } from '../output/error-line.ts';
import { versionLine } from '../output/version-line.ts';

/** Options that `--auto` sets itself. */
const NOT_WITH_AUTO = { snapshotName: '-s', rbd: '-r', fromVersion: '-f', continueVersion: '-c', diffFrom: '--diff-from' };

/**
 * Prepares `backup --auto`. Its result has an entry for each image; its exit code is the worst of
 * them.
 */
export async function prepareAuto(
  common: Pick<AutoRequest, 'source' | 'name' | 'tags' | 'expire' | 'acceptDamage'>,
  options: Invocation['options'],
): Promise<Action> {
  const request = { ...common, keepSnapshots: keepSnapshots(text(options.keepSnapshots)), dryRun: flag(options.dryRun) };
  const { namingOf, parseAutoSource } = await import('../../core/auto/auto-source.ts');
  namingOf(request.name, parseAutoSource(request.source));
  return async ({ backy, sayMachine, watch, fail }) => {
    const results = await backy.autoBackup({
      ...request,
      onVersion: sayMachine,
      onImage: (url) => watch('backup', url),
      onResult: ({ image, errors }) => {
        for (const error of errors) fail(`${image}: ${errorLine(error)}`);
      },
    });
    return {
      message: summary(results),
      machineLines: results.flatMap(({ backup }) => backup?.uid ?? []),
      result: { results: results.map(toRow) },
      exitCode: Math.max(0, ...results.map(exitCodeOf)),
    };
  };
}

/** Refuses options that exclude each other. @throws BackyError `usage`. */
export function checkAutoOptions(options: Invocation['options']): void {
  const isAuto = flag(options.auto);
  for (const [key, name] of Object.entries(NOT_WITH_AUTO)) {
    if (isAuto && options[key] !== undefined) throw new BackyError('usage', `--auto cannot be combined with ${name}.`);
  }
  if (!isAuto && options.keepSnapshots !== undefined) throw new BackyError('usage', '--keep-snapshots needs --auto.');
  if (!isAuto && options.dryRun !== undefined) throw new BackyError('usage', '--dry-run needs --auto.');
  if (options.diffFrom !== undefined && options.rbd !== undefined)
    throw new BackyError('usage', '--diff-from cannot be combined with -r: both name the changes.');
}

function keepSnapshots(value: string | undefined): number {
  const count = value === undefined ? 1 : parseWhole(value, '--keep-snapshots');
  if (count >= 1) return count;
  throw new BackyError('usage', '--keep-snapshots must be 1 or more: the next backup starts from the newest snapshot.');
}

function exitCodeOf({ errors }: AutoResult): number {
  return Math.max(0, ...errors.map(({ exitCode }) => exitCode));
}

function summary(results: readonly AutoResult[]): string {
  const failed = results.filter(({ errors }) => errors.length > 0).length;
  const [first] = results;
  if (results.length === 1 && first?.backup) return versionLine(first.backup);
  const images = results.length === 1 ? '1 image' : `${results.length} images`;
  return failed === 0 ? `${images}, no errors.` : `${images}, ${failed} of them with errors.`;
}

function toRow({ backup, errors, ...result }: AutoResult): Record<string, unknown> {
  return {
    ...result,
    exitCode: exitCodeOf({ ...result, backup, errors }),
    backup: backup === null ? null : backupRow(backup),
    errors: errors.map(({ code, exitCode, message, hint }) => ({ code, exitCode, message, hint: hint ?? null })),
  };
}

/** A backup in the form of `--json`. */
export function backupRow({ counters, rejected, ...result }: BackupResult): Record<string, unknown> {
  return { ...result, ...counters, errors: rejected };
}
