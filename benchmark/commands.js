import { hasSessions, takes } from './contenders.js';

/** How many requests are looked at on each connection. */
const EACH = 10;

/**
 * What a contender sends to its backend for a request, as the backend saw it.
 *
 * @param {import('./bench.js').Bench} bench
 * @param {readonly import('./workloads.js').Workload[]} workloads
 * @returns {Promise<Record<string, Record<string, number>>>} by workload and command
 */
export async function commandsOf(bench, server, workloads) {
  const { contender, port, sessions } = server;
  const backend = bench.backendOf(contender);
  const found = {};
  for (const workload of workloads.filter((one) => takes(contender, one))) {
    const requests = EACH * sessions.length;
    // The first request finds what the last workload left behind.
    await bench.client.ask('open', {
      port,
      workload,
      sessions,
      hasTokens: hasSessions(contender),
      warmUp: sessions.length,
      requests,
    });
    await backend.ask('watch', contender.name);
    await bench.client.ask('run', requests);
    const counts = await backend.ask('watched', contender.name);
    const stands = await bench.client.ask('close');
    stands.forEach((count, index) => (sessions[index].count = count));
    if (workload.name === 'write') server.writes += 1 + EACH;
    found[workload.name] = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / requests]));
  }
  return found;
}
