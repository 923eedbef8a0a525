import { CLIENTS, closeClients } from './clients.js';
import { commandsDuring, countCommands } from './counting.js';
import { RedisServer, stopServers } from './redis-server.js';
import { closeProxies, TcpProxy } from './tcp-proxy.js';
import { until } from './until.js';

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(async () => {
  await closeClients();
  closeProxies();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

/** 'pending' when the promise has no outcome although the server has answered somebody else since. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return Promise.race([promise, server.ask('PING').then(() => 'pending')]);
}

describe.each(CLIENTS)('with $name', ({ connect }) => {
  it('counts what clients send, not what scripts call', async () => {
    const { client } = await connect(server.url);
    const script = "redis.call('SET', KEYS[1], 'c') return redis.call('GET', KEYS[1])";
    await client.set('a', 'before');

    const commands = await commandsDuring(server, async () => {
      await client.set('a', 'b "quoted"');
      await Promise.all([client.get('a'), client.get('b')]);
      await server.cli('EVAL', script, 1, 'a');
    });
    await client.get('after');

    expect(commands.map(([name]) => name)).toEqual(['SET', 'GET', 'GET', 'EVAL']);
    expect(commands[1]).toEqual(['GET', 'a']);
    expect(await countCommands(server, () => undefined)).toEqual([]);
  });

  it('reports the loss of a connection and comes back', async () => {
    const proxy = await TcpProxy.start(server);
    const { client, errors } = await connect(proxy.url);
    await client.set('a', '1');
    proxy.cut();
    await until('a connection again', async () => (await client.get('a')) === '1');

    proxy.refuse();
    proxy.cut();
    expect(proxy.connections).toBe(0);
    await until('a refused connection', () => errors.some((error) => String(error).includes('ECONNREFUSED')));
    await proxy.accept();
    await until('a connection again', async () => (await client.get('a')) === '1');
  });

  it('stalls, and goes on where it was', async () => {
    const proxy = await TcpProxy.start(server);
    const { client } = await connect(proxy.url);
    await client.set('a', '1');

    proxy.stall();
    const commands = await countCommands(server, async () => {
      const read = client.get('a');
      expect(await outcomeOf(read)).toBe('pending');
      proxy.resume();
      expect(await read).toBe('1');
    });
    expect(commands).toEqual(['GET']);

    proxy.stallReplies();
    const written = client.set('a', '2');
    await until('the command to be carried out', async () => (await server.ask('GET', 'a')) === '2');
    expect(await outcomeOf(written)).toBe('pending');
    proxy.resume();
    expect(await written).toBe('OK');
  });

  it('stalls connections that come while it stalls', async () => {
    const proxy = await TcpProxy.start(server);
    proxy.stall();
    const connected = connect(proxy.url);
    await until('a connection', () => proxy.connections === 1);
    expect(await outcomeOf(connected)).toBe('pending');
    proxy.resume();
    await (await connected).client.set('a', '1');
  });

  it('loses the reply to a command that was carried out', async () => {
    const proxy = await TcpProxy.start(server);
    const { client } = await connect(proxy.url);
    await server.ask('SET', 'b', 'read');

    const lost = proxy.loseNextReply((text) => text.startsWith('SET a'));
    const before = client.get('b');
    const written = client.set('a', '1').then(String, () => 'failed');
    expect(await before).toBe('read');
    expect(await lost).toBe('SET a 1');
    expect(await server.ask('GET', 'a')).toBe('1');
    // Again by a driver that sends again, else no more.
    const outcome = await written;
    const sent = proxy.commands.filter((text) => text === 'SET a 1').length;
    expect([outcome, sent]).toEqual(outcome === 'OK' ? ['OK', 2] : ['failed', 1]);
  });

  it('cuts a command in the middle, which is not carried out', async () => {
    const proxy = await TcpProxy.start(server);
    const { client } = await connect(proxy.url);
    await client.set('a', '1');

    const cut = proxy.cutAfterRequestBytes(20);
    const carriedOut = await countCommands(server, async () => {
      const written = client.set('a', '2').then(String, () => 'failed');
      await cut;
      expect(['OK', 'failed']).toContain(await written);
    });
    // Only what a driver has sent again.
    expect(carriedOut).toEqual((await server.ask('GET', 'a')) === '2' ? ['SET'] : []);
  });
});
