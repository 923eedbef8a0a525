export { Barrier } from '../../lib/testing/barrier.js';
