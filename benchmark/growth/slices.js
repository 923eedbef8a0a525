/** How much of a slice comes before it, unmeasured. */
const LEAD = 0.1;

/**
 * What requests for sessions picked at random cost.
 *
 * @returns {Promise<{ cpu: number, p50: number, p99: number, max: number, backendCpu?: number }>} µs of the server's
 *   CPU time for a request; ms; µs of the backend's
 */
export async function roamingSlice(bench, server, workload, requests, sessions, connections) {
  const { contender, helper, port } = server;
  const { client } = bench;
  const backend = bench.backendOf(contender);
  const cpuOf = async () => [await helper.ask('cpu'), await backend?.ask('cpu', contender.name)];
  await client.ask('roam', { port, name: contender.name, kind: contender.kind, sessions, connections });
  await client.ask('roamRun', { workload, requests: Math.ceil((requests * LEAD) / connections) * connections });
  const [before, backendBefore] = await cpuOf();
  const times = await client.ask('roamRun', { workload, requests });
  const [after, backendAfter] = await cpuOf();
  await client.ask('roamClose');
  return {
    cpu: (after.user + after.system - before.user - before.system) / requests,
    ...times,
    ...(backend === undefined ? {} : { backendCpu: (backendAfter - backendBefore) / requests }),
  };
}
