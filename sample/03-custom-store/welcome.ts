/** What the sample prints when it listens. */
export function welcome(url: string): string {
  return `
Custom store: ${url}

From another terminal: begin a notebook, add to it, end it. Between the lines you may restart the sample.

TOKEN=$(curl -s -o /dev/null -w '%header{x-auth-token}' -d text='buy milk' ${url}/notes)
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" -d text='call Ada' ${url}/notes
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/notes
curl -s -w '%{http_code}\\n' -X DELETE -H "X-Auth-Token: $TOKEN" ${url}/notes
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/notes
`;
}
