import { reportOf, target } from './plan.js';

const report = reportOf(target);

export default {
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  jest: { projectType: 'custom', configFile: 'test/mutation/jest.config.js', enableFindRelatedTests: false },
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  // Jest keeps the modules of every run.
  maxTestRunnerReuse: 30,
  concurrency: 2,
  // Endless loops are told by counting. Time tells of a busy machine too, and would count as killed.
  timeoutMS: 60_000,
  mutate: [target],
  ignorePatterns: ['.ci', 'benchmark', 'dist', 'docs', 'sample', 'test/package', 'test/mutation/reports'],
  coverageAnalysis: 'perTest',
  incrementalFile: `${report}.incremental.json`,
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { logTests: false, reportTests: false, reportScoreTable: false },
  htmlReporter: { fileName: `${report}.html` },
  jsonReporter: { fileName: `${report}.json` },
};
