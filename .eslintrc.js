import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const weakHash = {
  selector:
    'CallExpression:matches([callee.name=/^(createHash|createHmac|hash)$/], [callee.property.name=/^(createHash|createHmac|hash)$/]) > Literal[value=/^(rsa-)?(md4|md5|sha-?1)$/i]',
  message: 'MD5 and SHA-1 are broken. Use sha256.',
};
const weakRandom = {
  selector: "MemberExpression[object.name='Math'][property.name='random']",
  message: 'Math.random is predictable. Use node:crypto.',
};
const focused = {
  selector:
    'MemberExpression[object.name=/^(it|test|describe)$/][property.name=/^(only|skip|todo|failing)$/], CallExpression[callee.name=/^(fit|fdescribe|xit|xtest|xdescribe)$/], CallExpression[callee.object.name=/^(fit|fdescribe|xit|xtest|xdescribe)$/]',
  message: 'Every test runs, always.',
};
const sleep = {
  selector: "NewExpression[callee.name='Promise'] CallExpression[callee.name=/^set(Timeout|Interval)$/]",
  message: 'Tests do not sleep. Hold a clock or a barrier.',
};
const timersPromises = {
  name: 'node:timers/promises',
  importNames: ['setTimeout'],
  message: 'Tests do not sleep. Hold a clock or a barrier.',
};

export default defineConfig(
  globalIgnores(['**/dist/', '**/coverage/', 'test/package/fixtures/']),
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-restricted-syntax': ['error', weakHash, weakRandom],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
        emitDecoratorMetadata: true,
        experimentalDecorators: true,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // A Nest module is a class that carries nothing but its decorator.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      // Numbers and booleans read well in messages; objects and undefined stay refused.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Nest declares its options as classes and takes object literals for them.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `() => resolve()` says what the callback does; a block would say it no better.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // `{ ...session }` is its data: everything else of a session is not enumerable.
      '@typescript-eslint/no-misused-spread': ['error', { allow: ['Session', 'TokenSession'] }],
      // A `_name` says that a signature is given from outside and the value is not needed.
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  {
    files: ['test/**/*.ts', 'sample/**/*.ts', '**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', weakHash, weakRandom, focused, sleep],
      'no-restricted-imports': ['error', { paths: [timersPromises] }],
      // Answers of supertest and JSON.parse are `any`; the assertion is what types them.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      // Handlers and doubles of tests keep the async signature of what they stand for.
      '@typescript-eslint/require-await': 'off',
      // An empty class is the shortest thing that is no store, no option, no plain object.
      '@typescript-eslint/no-extraneous-class': 'off',
      // `expect(double.method)` never calls the method.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  prettier,
);
