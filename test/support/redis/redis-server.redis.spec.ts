import { existsSync } from 'node:fs';
import { RedisServer, stopServers } from './redis-server.js';

afterAll(stopServers);

describe('RedisServer', () => {
  it('answers, and is killed, paused, restarted and stopped', async () => {
    const server = await RedisServer.start();
    expect(await server.cli('SET', 'a', '1')).toBe('OK');
    expect(await server.ask('GET', 'a')).toBe('1');
    await expect(server.cli('GET')).rejects.toThrow();

    server.pause();
    const answer = server.ask('GET', 'a');
    expect(await Promise.race([answer, server.info('x').then(() => 'b')].concat(immediately('silence')))).toBe(
      'silence',
    );
    server.resume();
    expect(await answer).toBe('1');

    const { pid } = server;
    await server.kill();
    expect(isRunning(pid)).toBe(false);
    await expect(server.ask('PING')).rejects.toThrow('ECONNREFUSED');

    await server.restart();
    expect(await server.ask('GET', 'a')).toBeNull();
    server.pause();
    await server.restart();
    expect(await server.ask('PING')).toBe('PONG');

    await server.stop();
    expect(existsSync(server.dir)).toBe(false);
  });
});

function immediately<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, value));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
