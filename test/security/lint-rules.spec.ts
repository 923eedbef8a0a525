import { getCiphers, getHashes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '../..');

/** The repository's configuration, without the rules that need types: none of those is about security. */
const eslint = new ESLint({
  cwd: root,
  overrideConfigFile: join(root, '.eslintrc.js'),
  overrideConfig: [tseslint.configs.disableTypeChecked],
});

/** What the configuration says of code at a place of the repository: rule and message. */
async function found(code: string, place = 'lib/session-token.ts'): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, place) });
  return (result?.messages ?? []).map(({ ruleId, message }) => `${ruleId ?? 'not parsed'}: ${message}`);
}

/** The numbers of the lines that a rule about security refuses, from 1. */
async function linesRefused(lines: string[]): Promise<Set<number>> {
  const [result] = await eslint.lintText(lines.join('\n'), { filePath: join(root, 'lib/session-token.ts') });
  return new Set(result?.messages.filter(({ ruleId }) => ruleId === SYNTAX).map(({ line }) => line));
}

const GUARDS = ['no-restricted-syntax', 'no-restricted-properties', 'no-eval', 'no-new-func', 'eqeqeq'];
const SYNTAX = 'no-restricted-syntax';
const refused: Record<string, [rule: string, says: string, lines: string[]]> = {
  'ASVS 11.4.1: a weak hash, however it is written': [
    SYNTAX,
    'MD5 and SHA-1 are broken',
    [
      "createHash('md5');",
      'createHash("SHA1");',
      'createHash(`sha1`);',
      "crypto.createHash('sha-1');",
      "crypto['createHash']('md5');",
      "hash('md5', text);",
      "createHmac('sha1', key);",
      "createHash('RSA-SHA1');",
      "hkdfSync('md5', key, '', '', 32);",
      "const ALGORITHM = 'md5';",
      "const options = { digest: 'ripemd160' };",
      "const ALGORITHM = 'md5-sha1';",
    ],
  ],
  'ASVS 11.4.1: a hash or cipher that is put together': [
    SYNTAX,
    'Name the algorithm as it is',
    [
      "createHash('md' + '5');",
      'createHmac(`${family}1`, key);',
      'crypto.createHash(choose());',
      'createCipheriv(`${family}-ecb`, key, iv);',
      'hash(ALGORITHM, text);',
      'createCipheriv(options.cipher, key, iv);',
      'createHmac();',
    ],
  ],
  'ASVS 11.4.1: a constant that is not what its name says': [
    SYNTAX,
    'Name the algorithm as it is',
    [
      "const HASH = 'sha512';",
      "const CIPHER = 'aes-256-xts';",
      'const CIPHER = `aes-${bits}-gcm`;',
      "let CIPHER = 'aes-256-gcm';",
      'function digest(HASH: string) {}',
      "import { createHash as digest } from 'node:crypto';",
    ],
  ],
  'ASVS 11.3.1, 11.3.2: a cipher that is broken or without authentication': [
    SYNTAX,
    'This cipher',
    [
      "createCipheriv('des-ede3-cbc', key, iv);",
      "createCipheriv('rc4', key, null);",
      "createCipheriv('aes-256-ecb', key, null);",
      "createDecipheriv('AES-128-CBC', key, iv);",
      "const cipher = 'aes-256-ctr';",
      'createCipheriv(`bf-cbc`, key, iv);',
      "const cipher = 'aes256';",
      "const cipher = 'chacha20';",
      "const cipher = 'camellia-256-cbc';",
      "const cipher = 'aes-256-xts';",
      "const cipher = 'aria-256-ctr';",
      "const cipher = { name: 'AES-CBC' };",
    ],
  ],
  'ASVS 11.5.1: memory or randomness that is not made for secrets': [
    SYNTAX,
    'Use randomBytes',
    [
      'Buffer.allocUnsafe(32);',
      'Buffer.allocUnsafeSlow(32);',
      'crypto.pseudoRandomBytes(32);',
      "createCipher('x', key);",
    ],
  ],
  'ASVS 11.5.1: Math.random': [SYNTAX, 'Math.random is predictable', ['Math.random();', 'const random = Math.random;']],
  'ASVS 11.5.1: Math.random under another name': [
    'no-restricted-properties',
    'Math.random is predictable',
    ["Math['random']();", 'const { random } = Math;', 'const { random: next } = Math;'],
  ],
  'ASVS 11.2.4: a secret compared in a time that tells of it': [
    SYNTAX,
    'timingSafeEqual',
    [
      'if (token === given) go();',
      'if (given !== this.#secret) go();',
      'if (request.signature == expected) go();',
      'if (sign(a) === b || b !== session.csrfToken) go();',
      "if (hmac.update(text).digest('hex') === given) go();",
      'if (found?.mac === mac) go();',
      'if ((token as string) === given) go();',
      'if (digest.equals(given)) go();',
      'if (Object.is(token, given)) go();',
      'if (token.localeCompare(given)) go();',
    ],
  ],
  'ASVS 15.3.5: loose equality': ['eqeqeq', 'Expected', ['if (a == b) go();', "if (a != 'x') go();"]],
  'ASVS 1.3.2: text run as code': ['no-eval', 'eval', ["eval('1');", "globalThis.eval('1');", "(0, eval)('1');"]],
  'ASVS 1.3.2: text made a function': ['no-new-func', 'eval', ["new Function('return 1');", "Function('return 1');"]],
  'ASVS 1.2.5: another program, or a context for text': [
    SYNTAX,
    'starts no other program',
    [
      "import { spawn } from 'node:child_process';",
      "import 'child_process';",
      "export * from 'node:vm';",
      "await import('node:child_process');",
      'await import(`child_process`);',
      "require('child_process');",
      "createRequire(import.meta.url)('child_process');",
    ],
  ],
};

describe('ESLint on lib', () => {
  describe.each(Object.entries(refused))('refuses %s', (_name, [rule, says, lines]) => {
    it.each(lines)('%s', async (line) => {
      const messages = await found(line);
      expect(messages).toContainEqual(expect.stringMatching(new RegExp(`^${rule}: .*${says}`)));
    });
  });

  it('ASVS 11.4.1: lets good code pass', async () => {
    const good = `
import { createCipheriv, createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';

export function isRight(key: Buffer, text: string, given: Buffer, token: string | undefined): boolean {
  if (token === undefined || token === '' || typeof token !== 'string' || token.length !== 43) return false;
  const digest = createHmac('sha256', key).update(text).digest();
  const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12), { authTagLength: 16 });
  return given.length === digest.length && timingSafeEqual(digest, given) && hash('sha256', token) !== cipher.final('hex');
}

const CIPHER = 'aes-256-gcm';
const HASH = 'sha256';
export const both = [createHmac(HASH, 'key'), createCipheriv(CIPHER, 'key', null), { CIPHER }];
`;
    expect(await found(good)).toEqual([]);
  });

  it.each([
    ['createCipheriv', 'aes-256-gcm', getCiphers()],
    ['crypto.createDecipheriv', 'aes-256-gcm', getCiphers()],
    ['createHash', 'sha256', getHashes()],
    ['crypto.createHash', 'sha256', getHashes()],
    ["crypto['createHash']", 'sha256', getHashes()],
    ['createHmac', 'sha256', getHashes()],
    ['hash', 'sha256', getHashes()],
    ['crypto.hash', 'sha256', getHashes()],
    ['hkdfSync', 'sha256', getHashes()],
  ])('ASVS 11.3.2, 11.4.1: of all that Node.js has, %s takes %s only', async (callee, only, all) => {
    const refusedLines = await linesRefused(all.map((name) => `${callee}('${name}', key);`));
    expect(all.filter((_name, index) => !refusedLines.has(index + 1))).toEqual([only]);
  });

  it('ASVS 11.3.2: nor does any other cipher stand in a constant', async () => {
    const all = getCiphers().filter((name) => name !== 'id-smime-alg-CMS3DESwrap');
    const refusedLines = await linesRefused(all.map((name) => `export const cipher = '${name}';`));
    expect(all.filter((_name, index) => !refusedLines.has(index + 1))).toEqual(['aes-256-gcm']);
  });

  it.each(['lib/stores/sqlite/sqlite-turns.ts', 'lib/testing/barrier.ts'])(
    'ASVS 11.4.1: is the same in %s',
    async (file) => {
      const messages = await found("eval(hash('md5', Math.random() === token));", file);
      expect(messages.map((message) => message.split(':')[0]).sort()).toEqual(
        ['no-eval', 'no-restricted-properties', SYNTAX, SYNTAX, SYNTAX, SYNTAX].sort(),
      );
    },
  );

  it('ASVS 11.2.4: only three files may compare what has the name of a secret; nothing else is let off', async () => {
    const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
      .map((file) => join('lib', file));
    const rules = new Map<string, string[]>();
    for (const file of sources) {
      const { rules: all } = (await eslint.calculateConfigForFile(join(root, file))) as { rules: object };
      const guarding = Object.entries(all).filter(([name]) => GUARDS.includes(name));
      const key = JSON.stringify(guarding);
      rules.set(key, [...(rules.get(key) ?? []), file]);
    }
    const [fewest = [], ...others] = [...rules.values()].sort((a, b) => a.length - b.length);
    expect(others).toHaveLength(1);
    expect(fewest.sort()).toEqual([
      'lib/session.lookup.ts',
      'lib/stores/express-session/shared-record.ts',
      'lib/testing/test-sessions.ts',
    ]);
  });

  it('ASVS 11.4.1, 11.5.1: weak hashes and Math.random are refused outside of lib too', async () => {
    const code = "export const weak = [createHash('sha1'), Math.random()];";
    for (const place of ['test/support/client.ts', 'sample/01-quick-start/src/main.ts', 'tools/run.js']) {
      expect(await found(code, place)).toHaveLength(2);
    }
  });
});
