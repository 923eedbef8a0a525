/** What the sample prints when it listens: where, and three lines to paste into a shell. */
export function welcome(url: string): string {
  return `
Quick start: ${url}

Or from another terminal: get a token, use it, end the session.

curl -iw '\\n' ${url}/api/views
TOKEN=$(curl -si ${url}/api/views | grep -i '^x-auth-token:' | tr -d '\\r' | cut -d ' ' -f 2); curl -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/api/views
curl -i -X DELETE -H "X-Auth-Token: $TOKEN" ${url}/api/session
`;
}
