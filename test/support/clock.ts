export { TestClock } from '../../lib/testing/test-clock.js';
