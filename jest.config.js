/** What every project shares; a project only says which specs are its own. */
const common = {
  testEnvironment: 'node',
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
    '^nestjs-token-session/testing$': '<rootDir>/lib/testing/index.ts',
    '^nestjs-token-session/(.+)$': '<rootDir>/lib/stores/$1/index.ts',
    // A real .js comes first: dependencies import theirs in the same way.
    '^(\\.{1,2}/.*)\\.js$': ['$1.js', '$1.ts'],
  },
  modulePathIgnorePatterns: ['/dist/', '<rootDir>/test/package/fixtures/'],
};

const folders = '{lib,test,sample,benchmark}';
const apart = ['/node_modules/', '/dist/', '/test/package/', '\\.(browser|postgres|redis)\\.spec\\.ts$'];

export default {
  maxWorkers: '100%',
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
      setupFilesAfterEnv: ['<rootDir>/test/support/redis/timeout.ts'],
    },
    {
      ...common,
      displayName: 'postgres',
      testMatch: [`<rootDir>/${folders}/**/*.postgres.spec.ts`],
      setupFilesAfterEnv: ['<rootDir>/test/support/postgres/timeout.ts'],
    },
    {
      ...common,
      displayName: 'package',
      testMatch: ['<rootDir>/test/package/*.spec.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/package/support/timeout.ts'],
    },
  ],
};
