/** What the sample prints when it listens. */
export function welcome(url: string): string {
  return `
Passport: ${url}

From another terminal: a wrong password, two sign-ins, the profile, where Ada is signed in, and a sign-out.

curl -s -o /dev/null -w '%{http_code}\\n' -d username=ada -d password=wrong ${url}/sign-in
PHONE=$(curl -s -o /dev/null -w '%header{x-auth-token}' -A phone -d username=ada -d password=first-program ${url}/sign-in)
TOKEN=$(curl -s -o /dev/null -w '%header{x-auth-token}' -A laptop -d username=ada -d password=first-program ${url}/sign-in)
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/profile
curl -s -H "X-Auth-Token: $TOKEN" ${url}/sessions | grep -o '"userAgent":"[a-z]*","isThisOne":[a-z]*'
curl -s -w '%{http_code}\\n' -X POST -H "X-Auth-Token: $TOKEN" ${url}/sign-out
curl -s -o /dev/null -w '%{http_code}\\n' -H "X-Auth-Token: $TOKEN" ${url}/profile
curl -s -w '\\n' -H "X-Auth-Token: $PHONE" ${url}/profile
`;
}
