import { jest } from '@jest/globals';
import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { PLATFORMS } from '../support/platforms.js';

/** The hashes and signatures that were computed, by their function. */
const computed: string[] = [];
const counting =
  <Args extends unknown[], Result>(name: string, run: (...args: Args) => Result) =>
  (...args: Args): Result => {
    computed.push(name);
    return run(...args);
  };
jest.unstable_mockModule('node:crypto', () => ({
  ...crypto,
  hash: counting('hash', crypto.hash as (...args: unknown[]) => unknown),
  createHash: counting('createHash', crypto.createHash as (...args: unknown[]) => unknown),
  createHmac: counting('createHmac', crypto.createHmac as (...args: unknown[]) => unknown),
}));
// The library that signs asks the module itself.
const hmac = jest.spyOn(createRequire(import.meta.url)('node:crypto') as typeof crypto, 'createHmac');
const { closeApps, startApp } = await import('../support/app.js');
const { call } = await import('../support/client.js');
const { CounterController } = await import('../support/counter.controller.js');
const { ProbedStore } = await import('../support/stores.js');
const { OWN, SECRETS, SIGNED, UNSIGNED, WAYS } = await import('./support/ways.js');

const LENGTHS = [1, 42, 44, 1_000, 15_000];

describe.each(PLATFORMS)('the work for a token on %s', (platform) => {
  afterEach(closeApps);

  it.each(WAYS.filter((way) => way !== SIGNED).map((way) => [way.title, way] as const))(
    'H6: what is no token is not hashed, however long it is: %s',
    async (_title, way) => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store: new ProbedStore(), transport: way.transport() },
      });
      const work = async (sent: string): Promise<string[]> => {
        computed.length = 0;
        await call(app.url, '/views', { headers: way.send(sent) });
        // Express makes an ETag of each body.
        return computed.filter((name) => name !== 'createHash');
      };
      for (const length of [0, ...LENGTHS]) expect(await work('A'.repeat(length))).toEqual([]);
      expect(await work('A'.repeat(43))).toEqual(['hash']);
    },
  );

  it('H6: a signature is computed once for each secret at the most, and of no more than a cookie can hold', async () => {
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { store: new ProbedStore(), transport: SIGNED.transport() },
    });
    const signatures = async (way: typeof SIGNED, sent: string): Promise<number> => {
      const headers = way.send(sent);
      hmac.mockClear();
      await call(app.url, '/views', { headers });
      return hmac.mock.calls.length;
    };
    for (const sent of ['A'.repeat(43), 's:', 'x'.repeat(4_000), 's:'.padEnd(4_097, 'x'), 's:'.padEnd(15_000, 'x')]) {
      const expected = sent.startsWith('s:') && sent.length <= 4_096 ? SECRETS.length : 0;
      expect([sent.length, await signatures(UNSIGNED, sent)]).toEqual([sent.length, expected]);
    }
    expect(await signatures(UNSIGNED, `s:${'A'.repeat(43)}.${'A'.repeat(43)}`)).toBe(SECRETS.length);
    expect(await signatures(SIGNED, 'A'.repeat(43))).toBe(1);
  });

  it('H6: a value of the wrong length is not looked through', async () => {
    const searched: unknown[] = [];
    const { exec } = RegExp.prototype;
    const spy = jest.spyOn(RegExp.prototype, 'exec').mockImplementation(function (this: RegExp, text) {
      searched.push(text);
      return exec.call(this, text);
    });
    const spies = [
      spy,
      jest.spyOn(RegExp.prototype, 'test').mockImplementation(function (this: RegExp, text) {
        searched.push(text);
        return exec.call(this, text) !== null;
      }),
    ];
    let given = '';
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { store: new ProbedStore(), transport: { ...OWN.transport(), read: () => given } },
    });
    const search = async (text: string): Promise<number> => {
      given = text;
      searched.length = 0;
      expect((await call(app.url, '/views')).json()).toEqual({ views: 0 });
      return searched.filter((each) => each === text).length;
    };
    try {
      for (const length of LENGTHS) expect(await search('~'.repeat(length))).toBe(0);
      expect(await search('~'.repeat(43))).toBe(1);
    } finally {
      for (const each of spies) each.mockRestore();
    }
  });
});
