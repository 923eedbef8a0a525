import type { NestExpressApplication } from '@nestjs/platform-express';
import { listen } from '../listen.js';
import { ApiClient } from '../testing/api-client.js';
import { createApp } from '../testing/app.js';

const MINUTE = 60_000;

let app: NestExpressApplication;
let url: string;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1, 12);
  app = await createApp({ clock: () => now });
  url = await listen(app, { PORT: '0' });
});

afterEach(() => app.close());

describe.each(['header', 'cookie'] as const)('my sessions, by %s', (way) => {
  it('ASVS 7.5.2: are listed with where they are and when they were used, without a token', async () => {
    const first = new ApiClient(url, 'header', 'curl/8.14.1');
    await first.signIn();
    now += 2 * MINUTE;
    const client = await ApiClient.signedIn(url, way, 'ada', 'first-program', 'Laptop');
    await ApiClient.signedIn(url, way, 'grace', 'first-compiler');
    const answer = await client.call('GET', '/api/devices');
    const text = await answer.text();
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
    expect(JSON.parse(text)).toEqual([
      {
        id: (await client.session()).id,
        label: 'Laptop',
        device: { address: '127.0.0.1', userAgent: 'a spec' },
        usedAt: now,
        isThisOne: true,
      },
      {
        id: (await first.session()).id,
        device: { address: '127.0.0.1', userAgent: 'curl/8.14.1' },
        usedAt: now - 2 * MINUTE,
        isThisOne: false,
      },
    ]);
    for (const { token = '' } of [first, client]) expect(text).not.toContain(token);
  });

  it('are ended one at a time', async () => {
    const [client, other, third] = [
      await ApiClient.signedIn(url, way),
      await ApiClient.signedIn(url, 'header'),
      await ApiClient.signedIn(url, 'cookie'),
    ];
    const { id = '' } = await other.session();
    expect((await client.call('DELETE', `/api/devices/${id}`)).status).toBe(204);
    expect(await other.user()).toBeUndefined();
    expect(await third.user()).toBe('ada');
    expect(await client.devices()).toHaveLength(2);
    expect((await client.call('DELETE', `/api/devices/${id}`)).status).toBe(404);
  });

  it("ASVS 7.5.2: another user's is not found, and goes on", async () => {
    const [client, grace] = [
      await ApiClient.signedIn(url, way),
      await ApiClient.signedIn(url, way, 'grace', 'first-compiler'),
    ];
    const { id = '' } = await grace.session();
    const answer = await client.call('DELETE', `/api/devices/${id}`);
    expect(answer.status).toBe(404);
    expect(await grace.user()).toBe('grace');
    expect((await client.devices()).map((device) => device.id)).not.toContain(id);
  });

  it('ASVS 7.4.3: all others are ended at once, and no session of anybody else', async () => {
    const others = [await ApiClient.signedIn(url, 'header'), await ApiClient.signedIn(url, 'cookie')];
    const grace = await ApiClient.signedIn(url, way, 'grace', 'first-compiler');
    const client = await ApiClient.signedIn(url, way);
    expect((await client.call('DELETE', '/api/devices/others')).status).toBe(204);
    expect(await Promise.all(others.map((other) => other.user()))).toEqual([undefined, undefined]);
    expect(await client.devices()).toEqual([expect.objectContaining({ isThisOne: true })]);
    expect(await grace.user()).toBe('grace');
  });

  it('are for users only', async () => {
    const anonymous = new ApiClient(url, way);
    await anonymous.count();
    for (const [method, path] of [
      ['GET', '/api/devices'],
      ['DELETE', '/api/devices/others'],
      ['DELETE', `/api/devices/${(await anonymous.session()).id ?? ''}`],
    ] as const) {
      const answer = await anonymous.call(method, path);
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
    }
    expect((await anonymous.count()).data.views).toBe(2);
  });
});
