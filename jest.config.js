const LEAKS = ['<rootDir>/test/support/leaks/setup.ts'];

/** What every project shares; a project only says which specs are its own. */
const common = {
  // With the set-up file: a spec that writes a session token anywhere fails (CVE-2023-20866).
  testEnvironment: '<rootDir>/test/support/leaks/environment.js',
  setupFilesAfterEnv: LEAKS,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^nestjs-token-session$': '<rootDir>/lib/index.ts',
    '^nestjs-token-session/(testing|websockets|terminus|opentelemetry)$': '<rootDir>/lib/$1/index.ts',
    '^nestjs-token-session/(.+)$': '<rootDir>/lib/stores/$1/index.ts',
    // A real .js comes first: dependencies import theirs in the same way.
    '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'],
  },
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/.stryker-tmp/', '<rootDir>/test/package/fixtures/'],
};

const folders = '{lib,test,sample,benchmark}';
const apart = ['/node_modules/', '/dist/', '/test/package/', '\\.(browser|postgres|redis)\\.spec\\.ts$'];

export default {
  maxWorkers: '100%',
  // Modules of ES stay in memory when their spec is done, and a worker that collects gigabytes is slow.
  workerIdleMemoryLimit: '1GB',
  // Far longer than any test takes: how fast a machine is has no say in what is right.
  testTimeout: 180_000,
  projects: [
    {
      ...common,
      displayName: 'fast',
      testMatch: [`<rootDir>/${folders}/**/*.spec.ts`],
      testPathIgnorePatterns: apart,
    },
    {
      ...common,
      displayName: 'browser',
      testMatch: [`<rootDir>/${folders}/**/*.browser.spec.ts`],
    },
    {
      ...common,
      displayName: 'redis',
      testMatch: [`<rootDir>/${folders}/**/*.redis.spec.ts`],
    },
    {
      ...common,
      displayName: 'postgres',
      testMatch: [`<rootDir>/${folders}/**/*.postgres.spec.ts`],
    },
    {
      ...common,
      displayName: 'package',
      testMatch: ['<rootDir>/test/package/*.spec.ts'],
      setupFilesAfterEnv: [...LEAKS, '<rootDir>/test/package/support/timeout.ts'],
    },
  ],
};
