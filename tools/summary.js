// Prints what Jest counted (its --json report) in one line, and fails on anything but success.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const unrun = report.numRuntimeErrorTestSuites;
const skipped = report.numPendingTests + report.numTodoTests;

if (unrun > 0) console.log(`spec files that could not run, counted as failed: ${unrun}`);
if (skipped > 0) console.log(`skipped tests, which are not allowed: ${skipped}`);
console.log(`${report.numPassedTests} passed, ${report.numFailedTests + unrun} failed`);
process.exitCode = report.success && skipped === 0 && report.numPassedTests > 0 ? 0 : 1;
