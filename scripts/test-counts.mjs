// Prints "PASSED FAILED" of one run of vitest: its JSON report and its exit status.
import { readFileSync } from 'node:fs';

const [report, status] = process.argv.slice(2);

function counts() {
  const { numPassedTests, numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  // Skipped and unfinished tests are failed ones: nothing is left out in silence.
  const notPassed = numTotalTests - numPassedTests;
  const notLoaded = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length;
  return { passed: numPassedTests, failed: notPassed + notLoaded };
}

let result;
try {
  result = counts();
} catch {
  result = { passed: 0, failed: 1 };
}
// A status without a failed test: an error outside of every test, or no test at all.
if (status !== '0' && result.failed === 0) result.failed = 1;
console.log(`${result.passed} ${result.failed}`);
