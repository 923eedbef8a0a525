import { asText } from './redis-commands.js';

/** Takes the answer to `ROLE`, and in a Cluster to `CLUSTER INFO`: only a master that is in office tells of every change. */
export function checkOffice(role: unknown, clusterInfo: unknown): void {
  if (asText((role as unknown[])[0]) !== 'master') throw new Error('the server is no master');
  if (clusterInfo !== undefined && !asText(clusterInfo).includes('cluster_state:ok')) {
    throw new Error('the cluster is down');
  }
}

/** The name that a running server has given itself, from the answer to `INFO server`. */
export function runIdOf(info: unknown): string {
  return /^run_id:(\w+)/m.exec(asText(info))?.[1] ?? '';
}
