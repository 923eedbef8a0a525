import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SESSION_STORE } from 'nestjs-token-session';
import { FaultyStore, testSessions } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { welcome } from './welcome.js';

let app: INestApplication;
let url: string;
let store: FaultyStore;

beforeEach(async () => {
  store = new FaultyStore();
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(SESSION_STORE)
    .useValue(store)
    .compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterEach(() => app.close());

type Headers = Record<string, string>;

const post = (body: unknown, headers: Headers = {}): Promise<Response> =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

/** What an answer has, and the headers that a client sends after it. */
async function ask(query: string, headers: Headers = {}): Promise<{ data: unknown; errors?: unknown; next: Headers }> {
  const answer = await post({ query }, headers);
  const next = testSessions(app).of(answer)?.headers ?? headers;
  return { ...((await answer.json()) as { data: unknown }), next };
}

const LOGIN = 'mutation { login(user: "ada", password: "first-program") }';

it('prints what the README has, and does what it says', async () => {
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = welcome(url)
    .split('\n')
    .filter((line) => line.includes('curl'));
  expect(readme).toContain(`\n${lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

it('law 5: two requests that add the same product at once both count', async () => {
  const { next } = await ask('mutation { addToCart(product: "1") { isAnonymous } }');
  await Promise.all(
    Array.from({ length: 20 }, () => ask('mutation { addToCart(product: "1") { isAnonymous } }', next)),
  );
  expect((await ask('{ cart { items { product quantity } } }', next)).data).toEqual({
    cart: { items: [{ product: '1', quantity: 21 }] },
  });
});

it('law 5: of two orders at once one gets the cart', async () => {
  const { next } = await ask(LOGIN, (await ask('mutation { addToCart(product: "1") { isAnonymous } }')).next);
  const order = 'mutation { order { items { product } } }';
  const held = store.hold('update');
  const slower = ask(order, next);
  await held.arrived; // it has seen the cart, and is about to store what is left of it
  const faster = await ask(order, next);
  held.release();
  expect(faster.data).toEqual({ order: { items: [{ product: '1' }] } });
  expect(await slower).toMatchObject({ data: null, errors: [{ message: 'The cart is empty.' }] });
});

it('ASVS 7.2.4: a sign-in gives a new token and keeps the cart; the anonymous one opens nothing any more', async () => {
  const anonymous = await ask('mutation { addToCart(product: "1") { isAnonymous } }');
  const ada = await ask(LOGIN, anonymous.next);
  expect(ada.next).not.toEqual(anonymous.next);
  const cart = '{ cart { isAnonymous items { product } } }';
  expect((await ask(cart, ada.next)).data).toEqual({ cart: { isAnonymous: false, items: [{ product: '1' }] } });
  expect((await ask(cart, anonymous.next)).data).toEqual({ cart: { isAnonymous: true, items: [] } });
});

it.each(['ada', 'nobody'])('a wrong password of %s begins no session', async (user) => {
  const answer = await ask(`mutation { login(user: "${user}", password: "wrong") }`);
  expect([answer.data, answer.next]).toEqual([null, {}]);
  expect(answer.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
});

it('several operations in one request share the session', async () => {
  const add = { query: 'mutation { addToCart(product: "1") { items { quantity } } }' };
  const answer = await post([add, add]);
  expect(await answer.json()).toMatchObject([{ data: {} }, { data: {} }]);
  const { headers = {} } = testSessions(app).of(answer) ?? {};
  expect((await ask('{ cart { items { quantity } } }', headers)).data).toEqual({ cart: { items: [{ quantity: 2 }] } });
});
