import { closeClients, SENTINEL_CLIENTS } from './clients.js';
import { stopServers } from './redis-server.js';
import { follows, MASTER_NAME, SentinelSetup } from './sentinel.js';
import { until } from './until.js';

afterEach(closeClients);
afterAll(stopServers);

describe('SentinelSetup', () => {
  it('fails over when asked to, and when the master dies, which comes back as a replica', async () => {
    const setup = await SentinelSetup.start();
    const [first] = setup.servers;
    expect(await setup.master()).toBe(first);
    expect(await setup.replicas()).toHaveLength(2);
    await first?.ask('SET', 'a', '1');

    const second = await setup.failover();
    expect(second).not.toBe(first);
    expect(await second.ask('SET', 'a', '2')).toBe('OK');
    expect(await setup.settled()).toBe(second);

    const third = await setup.killMaster();
    expect(third).not.toBe(second);
    expect(await third.ask('ROLE')).toContain('master');
    expect(await third.ask('GET', 'a')).toBe('2');

    await second.restart();
    // On a busy machine, half a second of silence can make the sentinels choose again.
    const now = await setup.settled();
    expect(now).not.toBe(second);
    expect(await follows(second, now)).toBe(true);

    for (const { name, connect } of SENTINEL_CLIENTS) {
      const { client, close } = await connect(setup.addresses, MASTER_NAME);
      await until(`a write of ${name}`, async () => {
        await client.set(name, 'b');
        return (await (await setup.master()).ask('GET', name)) === 'b';
      });
      await close();
    }
    await setup.stop();
  });
});
