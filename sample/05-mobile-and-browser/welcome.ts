/** What the sample prints when it listens. */
export function welcome(url: string): string {
  return `
One API, for a browser and for an app.

The browser: ${url}   (ada, first-program)

The app, from another terminal: its token comes in a header. A browser without the page is the same with cookies.

TOKEN=$(curl -s -o /dev/null -w '%header{x-auth-token}' -H 'X-Client: app' -d user=ada -d password=first-program ${url}/api/sign-in)
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/api/me
JAR=$(mktemp); curl -s -c $JAR -w '\\n' -d user=ada -d password=first-program ${url}/api/sign-in
curl -s -b $JAR ${url}/api/sessions | grep -o '"label":"[a-z]*"'
curl -s -w '%{http_code}\\n' -b $JAR -c $JAR -X POST ${url}/api/sign-out
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/api/me
`;
}
