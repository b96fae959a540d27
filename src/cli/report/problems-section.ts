import type { ReportData, RunProblem } from '../../core/monitor/report-data.ts';
import { html } from '../output/html.ts';
import { numberText, timeCell } from './format.ts';
import type { Section } from './page.ts';
import { leftOut, nothing, table } from './table.ts';

const MOST_ROWS = 50;

const KINDS: Record<RunProblem['kind'], string> = { job: 'Backup', step: 'Upkeep', run: 'Run' };

/** Attempts of `run` that failed, and that nothing has made up for. */
export function problemsSection({ now, problems }: ReportData): Section {
  const title = 'Last problems';
  if (problems.length === 0)
    return { id: 'problems', title, body: nothing('No backup and no step of the upkeep has failed since it last went well.') };
  const rows = problems
    .slice(0, MOST_ROWS)
    .map(
      ({ kind, name, host, started, succeeded, failures, exitCode, problem }) =>
        html`<tr><td>${KINDS[kind]}</td><th scope="row">${name}<small>${problem ?? ''}</small></th>${timeCell(started, now)}${timeCell(succeeded, now)}<td class="num">${numberText(failures)}</td><td class="num">${exitCode}</td><td>${host}</td></tr>\n`,
    );
  const body = html`${table({
    caption: 'Failed attempts, newest first',
    headings: [['Of'], ['Name', 'name'], ['Last attempt'], ['Last success'], ['Failures', 'num'], ['Exit code', 'num'], ['Host']],
    rows,
  })}${leftOut(rows.length, problems.length, 'backy2 status')}`;
  return { id: 'problems', title, body };
}
