import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * Adds up the JSON reports of the test runner. The last line is "N passed, N failed, N skipped".
 *
 *   node .ci/summary.mjs FOLDER BROKEN COUNT
 *
 * BROKEN is 1 if a step failed, COUNT is the number of reports that there have to be. Exit code 1: a failure or a skip.
 */
const [folder = '', broken, expected] = process.argv.slice(2);
let [passed, failed, skipped] = [0, Number(broken), 0];
const suites = [];
const names = readdirSync(folder);
for (const name of names) {
  const report = JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
  suites.push(...report.testResults);
}
// A report that was never written is a runner that died.
if (names.length < Number(expected)) failed += 1;
// Named once more here, in a few lines: what went wrong may have been printed hours ago.
for (const { name, assertionResults } of suites) {
  for (const { fullName, failureMessages } of assertionResults.filter(({ status }) => status === 'failed')) {
    print(`failed: ${relative('.', name)}: ${fullName}: ${start(failureMessages.join(' '))}`);
  }
}
// What fails beside tests: a file that can't be loaded, what comes before and after its tests.
const failsBeside = ({ status, assertionResults }) =>
  status === 'failed' && assertionResults.every((one) => one.status !== 'failed');
for (const { name, message } of suites.filter(failsBeside)) {
  print(`failed: ${relative('.', name)}: ${start(message)}`);
}
print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || skipped > 0 || passed === 0 ? 1 : 0;

function print(line) {
  process.stdout.write(`${line}\n`);
}

function start(text) {
  return text.slice(0, 300).replaceAll('\n', ' ');
}
