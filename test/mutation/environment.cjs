const { TestEnvironment } = require('jest-environment-node');

/** The mutant that a test has noticed. Stryker runs all specs of a mutant in one process. */
let killed;
const mutant = () => process.env.__STRYKER_ACTIVE_MUTANT__;

/** Leaves out the rest of a spec once one of its tests has failed. */
module.exports = class extends TestEnvironment {
  static get isKilled() {
    return killed !== undefined && killed === mutant();
  }

  handleTestEvent({ name, test }) {
    if (name === 'test_done' && test.errors.length > 0) killed = mutant();
    if (name === 'test_start' && killed !== undefined && killed === mutant()) test.mode = 'skip';
  }
};
