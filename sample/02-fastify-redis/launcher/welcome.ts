import type { Fleet } from './fleet.js';

/** What the sample prints when all processes listen. */
export function welcome({ processes }: Fleet, redisUrl: string, isOwn: boolean): string {
  // A password may stand in a URL that somebody gave.
  const redis = isOwn ? `${redisUrl}, started for this sample` : new URL(redisUrl).host;
  const [first, ...others] = processes.map(({ url }) => url);
  const next = others.at(0) ?? first;
  return `
Redis: ${redis}
${processes.map(({ url, pid }) => `${url}, process ${String(pid)}`).join('\n')}

From another terminal: sign in on one process, be signed in on another.

TOKEN=$(curl -s -o /dev/null -w '%header{x-auth-token}' -d user=ada -d password=first-program ${String(first)}/sign-in)
curl -w '\\n' -H "X-Auth-Token: $TOKEN" ${String(next)}/me

Ctrl-C ends all of them.
`;
}
