import fc from 'fast-check';
import { Body, Controller, Post } from '@nestjs/common';
import { Session } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { data, info, ScriptedApp, type Data } from '../support/scripted.js';
import { removeFiles } from '../support/sqlite/files.js';
import { EDITABLE_STORES as STORES, type Opened } from './support/editable-stores.js';

const RESERVED = ['id', 'isNew', 'maxAge', 'save', 'reload', 'destroy', 'touch', 'regenerate'];

@Controller()
class BodyController {
  /** What must not be written, and is. */
  @Post('assign') assign(@Session() session: Session<Data>, @Body() body: Data): void {
    Object.assign(session, body);
  }
}

/** What every object of the process would have from then on. */
const prototypes = (): unknown =>
  [Object, Array, Function, String, Number, Map, Promise].map(({ prototype }) => [
    Reflect.ownKeys(prototype),
    Object.getPrototypeOf(prototype) as unknown,
  ]);
const UNTOUCHED = prototypes();

/** The text as it is: JSON.stringify would make nothing of a key named __proto__ that an object literal has. */
const post = (app: ScriptedApp, text: string, token?: string): Promise<Answer> =>
  call(app.running.url, '/assign', {
    method: 'POST',
    headers: token === undefined ? {} : app.carrier.send(token),
    body: JSON.parse(text) as unknown,
  });

afterEach(async () => {
  expect(prototypes()).toEqual(UNTOUCHED);
  await closeApps();
  removeFiles();
});

describe.each(PLATFORMS)('coding and architecture on %s', (platform) => {
  describe.each(Object.entries(STORES))('with %s', (_store, open) => {
    let app: ScriptedApp;
    let clock: TestClock;
    let opened: Opened;

    beforeEach(async () => {
      clock = new TestClock();
      opened = open();
      const options = { store: opened.store, clock: clock.now };
      app = await ScriptedApp.start(platform, options, { controllers: [BodyController] });
    });

    it('ASVS 15.3.3, D34: a body can set none of its methods, nor its id or expiry: refused, and the session as it was', async () => {
      const token = await app.signIn('ada');
      const before = (await app.run(info, token)).result;
      for (const name of RESERVED) {
        for (const value of ['null', '9e15', '{"call":1}']) {
          const refused = await post(app, `{"${name}":${value}}`, token);
          expect([name, refused.status]).toEqual([name, 500]);
        }
        expect((await post(app, `{"${name}":1,"a":1}`)).token).toBeUndefined();
      }
      expect((await app.run(info, token)).result).toEqual(before);
      expect(await app.dataOf(token)).toEqual({});
    });

    it('ASVS 15.3.3: nor, deeper, what a session is or how long it lives', async () => {
      const body = {
        session: { id: 'x', userId: 'eve', save: null, absoluteTimeout: 9e15 },
        info: { userId: 'eve', level: 9, authenticatedAt: clock.now() },
        cookie: { maxAge: 9e15, expires: '2999-01-01T00:00:00.000Z', originalMaxAge: 9e15 },
        passport: { user: 'eve' },
      };
      const token = (await post(app, JSON.stringify(body))).token as string;
      const { result } = await app.run(info, token);
      expect(result).toMatchObject({ level: 0, absoluteExpiresAt: clock.now() + 12 * 3_600_000 });
      expect(result).not.toHaveProperty('userId');
      expect([await app.sessions.list('eve'), await app.dataOf(token)]).toEqual([[], body]);
    });

    it('D33, ASVS 15.3.6: data with the names of prototypes change none, and come back as they were or not at all', async () => {
      const name = fc.constantFrom(
        '__proto__',
        'constructor',
        'prototype',
        'toString',
        'valueOf',
        'toJSON',
        'then',
        'a',
        '0',
      );
      const json = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
        value: fc.oneof(
          { maxDepth: 3 },
          fc.constantFrom(true, 'x', 1, null),
          tie('object'),
          fc.array(tie('value'), { maxLength: 2 }),
        ),
        object: fc.array(fc.tuple(name, tie('value')), { maxLength: 3 }).map(objectOf),
      }));
      const property = fc.asyncProperty(json.object, async (given) => {
        const text = JSON.stringify(given);
        const answer = await post(app, text);
        // Refused by the body parser, or by us: what was assigned before that is there, and no more.
        const isRefused = Object.hasOwn(given as object, '__proto__') || answer.status === 400;
        expect(isRefused ? [400, 500] : [201, 400]).toContain(answer.status);
        const stored = answer.token === undefined ? {} : ((await app.dataOf(answer.token)) as Data);
        const expected = isRefused ? Object.keys(stored) : Object.keys(given as object);
        expect(expected).not.toContain('__proto__');
        const part = objectOf(expected.map((key) => [key, (given as Data)[key]]));
        expect(JSON.stringify(sorted(stored))).toBe(JSON.stringify(sorted(part)));
        for (const each of objectsIn(stored)) {
          expect([Object.prototype, Array.prototype]).toContain(Object.getPrototypeOf(each));
        }
      });
      const payloads = [
        '{"__proto__":{"admin":true}}',
        '{"a":{"__proto__":{"admin":true}}}',
        '{"constructor":{"prototype":{"admin":true}}}',
        '{"a":[{"__proto__":{"toString":1}}]}',
        '{"__proto__":null}',
      ].map((text) => [JSON.parse(text) as unknown] as [unknown]);
      await fc.assert(property, { numRuns: 60, examples: payloads });
    });

    it('D33, D34: what stands in the store changes no prototype and shadows no method', async () => {
      const token = (await post(app, '{"a":{"mark":1},"views":1}')).token as string;
      const spoil =
        '"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"save":1,"id":"forged","destroy":null,"then":1';
      await opened.edit((text) =>
        text.replace('"mark":1', `"mark":1,${spoil}`).replace('"views":1', `"views":2,${spoil}`),
      );
      const events = collectEvents(app.running);
      const { result, status } = await app.run(
        (session) => [
          session['views'] ?? null,
          session['admin'] ?? null,
          ({} as Data)['admin'] ?? null,
          (session['a'] as Data | undefined)?.['admin'] ?? null,
          typeof session.save,
          session.id !== 'forged',
        ],
        token,
      );
      expect([status, result]).toEqual([201, [2, null, null, null, 'function', true]]);
      expect(events.map(({ type }) => type)).toContain('data_refused');
      // And it can still be ended by its own methods.
      expect((await app.run((session) => session.destroy(), token)).status).toBe(201);
      expect(await app.opening(token)).toEqual([false]);
    });
  });

  describe('ASVS 15.3.3, 15.3.6: userIdOf, the schema of Passport', () => {
    const userIdOf = (given: Data): string | undefined => (given['passport'] as { user?: string } | undefined)?.user;

    it.each(Object.entries(STORES))('ASVS 15.3.6: no user comes by way of a prototype: %s', async (_store, open) => {
      const app = await ScriptedApp.start(
        platform,
        { store: open().store, userIdOf },
        { controllers: [BodyController] },
      );
      for (const body of [
        '{"a":1,"__proto__":{"passport":{"user":"ada"}}}',
        '{"passport":{"__proto__":{"user":"ada"}}}',
        '{"constructor":{"prototype":{"passport":{"user":"ada"}}}}',
        '{"a":{"passport":{"user":"ada"}}}',
        '[{"passport":{"user":"ada"}}]',
      ]) {
        const { token } = await post(app, body);
        if (token !== undefined) expect((await app.run(info, token)).result).not.toHaveProperty('userId');
      }
      expect(await app.sessions.list('ada')).toEqual([]);
    });

    it('ASVS 15.3.3: without the option such data bind nobody; a login() holds against them with it', async () => {
      const body = '{"passport":{"user":"ada"},"userId":"ada"}';
      const without = await ScriptedApp.start(platform, {}, { controllers: [BodyController] });
      const { token } = await post(without, body);
      expect((await without.run(info, token)).result).not.toHaveProperty('userId');

      const app = await ScriptedApp.start(platform, { userIdOf }, { controllers: [BodyController] });
      const bob = await app.signIn('bob');
      expect((await post(app, body, bob)).token).toBeUndefined();
      expect((await app.run(info, bob)).result).toMatchObject({ userId: 'bob' });
      expect(await app.sessions.list('ada')).toEqual([]);
      expect((await app.run(data, bob)).result).toMatchObject({ userId: 'ada' });
    });
  });
});

/** An object whose own keys these are, whatever they are called. */
function objectOf(entries: readonly (readonly [string, unknown])[]): Data {
  const object: Data = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** The same with its keys in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return objectOf(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
}

function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.keys(value).map((key) => Object.getOwnPropertyDescriptor(value, key)?.value as unknown);
  return [
    ...inner.filter((each) => typeof each === 'object' && each !== null),
    ...inner.flatMap(objectsIn),
  ] as object[];
}
