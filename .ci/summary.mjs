import { readdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';

/**
 * Adds up the JSON reports of the test runner. The last line is "N passed, N failed, N skipped".
 *
 *   node .ci/summary.mjs FOLDER BROKEN COUNT
 *
 * BROKEN is 1 if a step failed, COUNT is the expected number of reports.
 * Exit code 1: a failure or a skip.
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
// A missing report means that its runner died.
if (names.length < Number(expected)) failed += 1;
// Repeat failures here in a few lines: the full output may be hours back.
for (const { name, assertionResults } of suites) {
  for (const { fullName, failureMessages } of assertionResults.filter(({ status }) => status === 'failed')) {
    print(`failed: ${relative('.', name)}: ${fullName}: ${start(failureMessages.join(' '))}`);
  }
}
// Failures outside of tests: a file that cannot be loaded, or the hooks before and after its tests.
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
