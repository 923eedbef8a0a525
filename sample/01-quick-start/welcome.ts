/** What the sample prints when it listens: where, what keeps the sessions, and four lines to paste into a shell. */
export function welcome(url: string, file?: string): string {
  const keepToken = `grep -i '^x-auth-token:' | tr -d '\\r' | cut -d ' ' -f 2`;
  return `
Quick start: ${url}
Sessions: ${file ?? 'in memory, until this process ends. In a file that outlives it: SESSION_STORE=sqlite npm start'}

Or from another terminal: get a token, use it, sign in and list the user's sessions, sign out.

curl -iw '\\n' ${url}/api/views
TOKEN=$(curl -si ${url}/api/views | ${keepToken}); curl -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/api/views
TOKEN=$(curl -si -H "X-Auth-Token: $TOKEN" -d user=ada -d password=first-program ${url}/api/sign-in | ${keepToken}); curl -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/api/devices
curl -i -X DELETE -H "X-Auth-Token: $TOKEN" ${url}/api/session
`;
}
