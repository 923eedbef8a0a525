import { Controller, Delete, Get, Inject, Param, Post } from '@nestjs/common';
import { RequireSession, Session, SessionService } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps, startApp } from '../../support/app.js';
import { call, type Answer } from '../../support/client.js';
import { closeClients, CLUSTER_CLIENTS } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import { stopServers, type RedisServer } from '../../support/redis/redis-server.js';
import { until } from '../../support/redis/until.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

/** One driver of each family: these tests take seconds. */
const FAMILIES = CLUSTER_CLIENTS.filter(({ name }) => name.endsWith(' 6'));

const STORE_TIMEOUT = 500;
/** Calls of the store that a login may make, on a machine that may be busy. */
const BOUND = STORE_TIMEOUT * 5 + 1_500;

/** Nodes keep what they have, and no replica takes over. */
const KEEP = ['--appendonly', 'yes', '--appendfsync', 'always', '--cluster-replica-no-failover', 'yes'];

@Controller()
class UsersController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login/:user')
  async login(@Session() session: Session, @Param('user') user: string): Promise<string> {
    await this.sessions.login(session, user);
    return 'in';
  }

  @Get('own')
  @RequireSession()
  own(): string {
    return 'own';
  }

  @Get('list/:user')
  async list(@Param('user') user: string): Promise<string[]> {
    return (await this.sessions.list(user)).map(({ id }) => id).sort();
  }

  @Get('count')
  async count(): Promise<number> {
    return this.sessions.count();
  }

  @Delete('all/:user')
  async destroyAll(@Param('user') user: string): Promise<number> {
    return this.sessions.destroyAll(user);
  }

  @Delete('everything')
  async clear(): Promise<string> {
    await this.sessions.clear();
    return 'cleared';
  }
}

let cluster: ClusterSetup;

failOnUnhandledRejections();
afterEach(async () => {
  await closeApps();
  await closeClients();
  // After a test that failed.
  await Promise.all(cluster.nodes.filter(({ alive }) => !alive).map((node) => node.restart()));
  await cluster.settled();
});

const codeOf = (answer: Answer): string =>
  answer.status < 400 ? `${answer.status}` : `${answer.status} ${(answer.json() as { code?: string }).code}`;
const REFUSED = /^503 (STORE_UNAVAILABLE|OUTCOME_UNKNOWN)$/;

async function bounded(answer: Promise<Answer>): Promise<Answer> {
  const start = performance.now();
  const given = await answer;
  expect(performance.now() - start).toBeLessThan(BOUND);
  return given;
}

async function start({ family, connect }: (typeof CLUSTER_CLIENTS)[number]) {
  const options = family === 'node-redis' ? { defaults: { disableOfflineQueue: true } } : {};
  const { client } = await connect(cluster.rootNodes(), options);
  const store = new RedisStore({ client });
  const { url } = await startApp('express', {
    controllers: [UsersController],
    session: { store, storeTimeout: STORE_TIMEOUT },
  });
  const ask = (path: string, method = 'GET', token?: string) => bounded(call(url, path, { method, token }));
  await ask('/everything', 'DELETE');
  return ask;
}

/** A user whose index lies on that node. */
async function userOn(node: RedisServer): Promise<string> {
  for (let number = 0; ; number++) {
    if ((await cluster.nodeOf(`session:by-user:user${number}`)) === node) return `user${number}`;
  }
}

describe('a node that is down, and the others go on', () => {
  beforeAll(async () => {
    cluster = await ClusterSetup.start([...KEEP, '--cluster-require-full-coverage', 'no']);
  });
  afterAll(stopServers);

  it.each(FAMILIES)('F71, laws 6 and 9: a login or its failure is whole, and count() adds up, $name', async (kind) => {
    const ask = await start(kind);
    const [down, index] = (await cluster.masters()) as [RedisServer, RedisServer];
    const user = await userOn(index);
    const before: string[] = [];
    while (before.length < 9) before.push((await ask(`/login/${user}`, 'POST')).token as string);
    expect((await ask('/count')).json()).toBe(9);

    await down.kill();
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask(`/login/${user}`, 'POST')));
    const failed = answers.filter(({ status }) => status !== 201);
    // Each is on the node with a probability of a third.
    expect(failed.length).toBeGreaterThan(0);
    for (const answer of failed) {
      expect(codeOf(answer)).toMatch(REFUSED);
      expect(answer.token).toBeUndefined();
    }
    const tokens = [...before, ...answers.flatMap(({ token }) => token ?? [])];
    await down.restart();
    await cluster.settled();

    const opened = await until('all sessions', async () => {
      const seen = await Promise.all(tokens.map((token) => ask('/own', 'GET', token)));
      return seen.every(({ status }) => status === 200) && seen.length;
    });
    // Nothing is left of those that failed, in the index or as a record.
    await until('what was owed', async () => {
      const count = Number((await ask('/count')).json());
      expect(count).toBeGreaterThanOrEqual(opened);
      return count === opened;
    });
    expect((await ask(`/list/${user}`)).json()).toHaveLength(opened);

    expect((await ask(`/all/${user}`, 'DELETE')).json()).toBe(opened);
    for (const token of tokens) expect((await ask('/own', 'GET', token)).status).toBe(401);
    expect((await ask('/count')).json()).toBe(0);
  });

  it.each(FAMILIES)('law 9: count() and clear() of a part are no success, $name', async (kind) => {
    const ask = await start(kind);
    const [down] = (await cluster.masters()) as [RedisServer];
    await down.kill();
    expect(codeOf(await ask('/count'))).toMatch(REFUSED);
    expect(codeOf(await ask('/everything', 'DELETE'))).toMatch(REFUSED);
    await down.restart();
    await cluster.settled();
    await until('a number', async () => (await ask('/count')).text === '0');
  });

  it.each(FAMILIES)('F77, law 6: destroyAll() fails whole, and what it began it ends later, $name', async (kind) => {
    const ask = await start(kind);
    const [down, index] = (await cluster.masters()) as [RedisServer, RedisServer];
    const user = await userOn(index);
    const tokens: string[] = [];
    while (tokens.length < 24) tokens.push((await ask(`/login/${user}`, 'POST')).token as string);

    await down.kill();
    expect(codeOf(await ask(`/all/${user}`, 'DELETE'))).toMatch(REFUSED);
    // By the index nobody is signed in any more, wherever the records are.
    expect((await ask(`/list/${user}`)).json()).toEqual([]);
    await down.restart();
    await cluster.settled();

    // Calling it again is what its documentation asks for.
    await until('an end', async () => (await ask(`/all/${user}`, 'DELETE')).status === 200);
    for (const token of tokens) expect((await ask('/own', 'GET', token)).status).toBe(401);
    expect((await ask('/count')).json()).toBe(0);
  });

  it.each(FAMILIES)('F71: with the node of the index down nobody signs in or out everywhere, $name', async (kind) => {
    const ask = await start(kind);
    const [down] = (await cluster.masters()) as [RedisServer];
    const user = await userOn(down);
    const token = (await ask(`/login/${user}`, 'POST')).token as string;
    await down.kill();
    for (let i = 0; i < 4; i++) {
      const answer = await ask(`/login/${user}`, 'POST');
      expect([codeOf(answer), answer.token]).toEqual([expect.stringMatching(REFUSED), undefined]);
    }
    expect(codeOf(await ask(`/all/${user}`, 'DELETE'))).toMatch(REFUSED);
    await down.restart();
    await cluster.settled();

    await until('the session', async () => (await ask('/own', 'GET', token)).status === 200);
    await until('what was owed', async () => (await ask('/count')).json() === 1);
    expect((await ask(`/list/${user}`)).json()).toHaveLength(1);
    expect((await ask(`/all/${user}`, 'DELETE')).json()).toBe(1);
    expect((await ask('/own', 'GET', token)).status).toBe(401);
  });
});

describe('CLUSTERDOWN', () => {
  beforeAll(async () => {
    cluster = await ClusterSetup.start(KEEP);
  });
  afterAll(stopServers);

  it.each(FAMILIES)('F71, law 9: all is 503 in bounded time, and works again by itself, $name', async (kind) => {
    const ask = await start(kind);
    const [first, down] = (await cluster.masters()) as [RedisServer, RedisServer];
    const tokens: string[] = [];
    while (tokens.length < 6) tokens.push((await ask('/login/ada', 'POST')).token as string);
    await down.kill();
    await until('CLUSTERDOWN', async () => String(await first.ask('CLUSTER', 'INFO')).includes('cluster_state:fail'));
    for (const token of tokens) expect(codeOf(await ask('/own', 'GET', token))).toBe('503 STORE_UNAVAILABLE');
    expect(codeOf(await ask('/login/ada', 'POST'))).toMatch(REFUSED);
    expect(codeOf(await ask('/all/ada', 'DELETE'))).toMatch(REFUSED);
    await down.restart();
    await cluster.settled();

    await until('all sessions', async () => {
      const seen = await Promise.all(tokens.map((token) => ask('/own', 'GET', token)));
      return seen.every(({ status }) => status === 200);
    });
    await until('no more than them', async () => (await ask('/count')).json() === tokens.length);
    expect((await ask('/everything', 'DELETE')).text).toBe('cleared');
    expect((await ask('/count')).json()).toBe(0);
  });
});
