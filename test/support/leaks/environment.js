import { TestEnvironment } from 'jest-environment-node';

/** Node's environment, in which a spec file fails that wrote a session token anywhere. */
export default class LeakCheckEnvironment extends TestEnvironment {
  handleTestEvent(event, state) {
    // A set-up file's own afterAll would come before those of the spec.
    if (event.name !== 'run_finish') return;
    for (const leak of this.global[Symbol.for('leak check')]?.() ?? []) {
      const error = new Error(leak);
      error.stack = leak;
      state.unhandledErrors.push(error);
    }
  }
}
