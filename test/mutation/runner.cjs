const { default: TestRunner } = require('jest-runner');
const Environment = require('./environment.cjs');

/** Runs the specs in the order of targets.js, and none after the one that has noticed the mutant: Jest's `bail` does nothing here. */
module.exports = class extends TestRunner {
  async runTests(tests, watcher, options) {
    const { specs } = await import('./plan.js');
    const place = ({ path }) => specs.findIndex((spec) => path.endsWith(spec));
    for (const test of [...tests].sort((one, other) => place(one) - place(other))) {
      if (Environment.isKilled) return;
      await super.runTests([test], watcher, options);
    }
  }
};
