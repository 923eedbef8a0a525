import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const weakHash = {
  selector:
    'CallExpression:matches([callee.name=/^(createHash|createHmac|hash)$/], [callee.property.name=/^(createHash|createHmac|hash)$/]) > Literal[value=/^(rsa-)?(md4|md5|md5-sha1|sha-?1)$/i]',
  message: 'MD5 and SHA-1 are broken. Use sha256.',
};
const weakRandom = {
  selector: "MemberExpression[object.name='Math'][property.name='random']",
  message: 'Math.random is predictable. Use node:crypto.',
};
/** Refuses a text wherever it stands, as a string or a template: in a call, an option, a constant, an import. */
const unwritten = (pattern, message) => ({
  selector: `:matches(Literal[value=/${pattern}/i], TemplateElement[value.cooked=/${pattern}/i])`,
  message,
});
// Each of these is for lib: what would weaken sessions without a test that fails.
const weakAlgorithm = unwritten(
  '^(rsa-|hmac-?)?(md[245]|md5-sha1|sha-?[01]|ripemd(-?160)?|rmd160)$',
  'MD5 and SHA-1 are broken. Use sha256.',
);
const weakCipher = unwritten(
  '^(?!aes-256-gcm$)((id-)?(aes|aria|camellia)[-0-9].*|(chacha20|sm4).*|seed-.+|(des[3x]?|rc[245]|bf|blowfish|cast5?|idea)(-.+)?)$',
  'This cipher is broken, or not the one that is reviewed. Use aes-256-gcm.',
);
/** Lets calls take one algorithm only: as it is, or by a constant whose name stands for nothing else. */
const onlyBy = (calls, algorithm, constant) => ({
  selector: [
    `CallExpression:matches([callee.name=/^(${calls})$/], [callee.property.name=/^(${calls})$/], [callee.property.value=/^(${calls})$/])`,
    `:not([arguments.0.value='${algorithm}'], [arguments.0.name='${constant}'])`,
    `, Identifier[name='${constant}']`,
    `:not(VariableDeclaration[kind='const'] > VariableDeclarator[init.value='${algorithm}'] > Identifier, CallExpression > Identifier, Property > Identifier)`,
    `, ImportSpecifier[imported.name=/^(${calls})$/]:not([local.name=/^(${calls})$/])`,
  ].join(''),
  message: `Name the algorithm as it is, so that it can be read and checked: '${algorithm}', or const ${constant} = '${algorithm}'.`,
});
const onlyCipher = onlyBy('createCipheriv|createDecipheriv', 'aes-256-gcm', 'CIPHER');
const onlyHash = onlyBy('createHash|createHmac|hash|hkdf|hkdfSync', 'sha256', 'HASH');
const weakApi = {
  selector: 'Identifier[name=/^(pseudoRandomBytes|createCipher|createDecipher|allocUnsafe|allocUnsafeSlow)$/]',
  message: 'Use randomBytes, createCipheriv, createDecipheriv, Buffer.alloc.',
};
const otherPrograms = unwritten(
  '^(node:)?(child_process|vm|worker_threads)$',
  'A session layer starts no other program and runs no text as code.',
);
// A pattern for 'undefined' too: the text would also match nodes that have no such property.
const SECRET = '/(secret|signature|token|mac|digest|seal)$/i';
const secretAt = (side) =>
  ['name', 'property.name', 'callee.name', 'callee.property.name', 'expression.name', 'expression.property.name']
    .map((path) => `[${side}.${path}=${SECRET}]`)
    .join(', ');
const comparedSecret = {
  selector: [
    `BinaryExpression[operator=/^[!=]==?$/]:matches(${secretAt('left')}, ${secretAt('right')})`,
    ":not([left.type='Literal'], [right.type='Literal'], [left.name=/^undefined$/], [right.name=/^undefined$/])",
    `, CallExpression[callee.property.name=/^(equals|compare|localeCompare|is)$/]:matches(${secretAt('callee.object')}, ${secretAt('arguments.0')})`,
  ].join(''),
  message: 'How long this takes tells how much was right. Use timingSafeEqual.',
};
const SECURITY = [weakRandom, weakAlgorithm, weakCipher, onlyCipher, onlyHash, weakApi, otherPrograms, comparedSecret];
const weakRandomProperty = { object: 'Math', property: 'random', message: weakRandom.message };
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
  globalIgnores(['**/dist/', '**/coverage/', 'api/', '.stryker-tmp/', 'test/package/fixtures/']),
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
    files: ['lib/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...SECURITY],
      'no-restricted-properties': ['error', weakRandomProperty],
      'no-eval': 'error',
      'no-new-func': 'error',
    },
  },
  {
    // What is compared here was not guessed by a client: what it sent itself, a checksum of stored data, a test's own token.
    files: ['lib/session.lookup.ts', 'lib/stores/express-session/shared-record.ts', 'lib/testing/test-sessions.ts'],
    rules: { 'no-restricted-syntax': ['error', ...SECURITY.filter((rule) => rule !== comparedSecret)] },
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
