import { fileURLToPath } from 'node:url';
import root from '../../jest.config.js';
import { specs } from './plan.js';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

// The runner takes one configuration and no list of projects. Leaks are looked for by `npm test`.
const {
  displayName: _name,
  setupFilesAfterEnv: _leaks,
  ...fast
} = root.projects.find(({ displayName }) => displayName === 'fast');

export default {
  ...fast,
  rootDir: '../..',
  testMatch: specs.map((spec) => `<rootDir>/${spec}`),
  testEnvironment: here('environment.cjs'),
  runner: here('runner.cjs'),
};
