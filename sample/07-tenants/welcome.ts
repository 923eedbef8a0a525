/** What the sample prints when it listens. */
export function welcome(url: string): string {
  return `
Tenants: ${url}/acme and ${url}/globex

From another terminal: one browser at two tenants, a token of the one in the cookie of the other, a sign-out.

JAR=$(mktemp); curl -s -b $JAR -c $JAR -w '\\n' -d user=ada -d password=first-program ${url}/acme/sign-in
curl -s -b $JAR -c $JAR -w '\\n' -d user=ada -d password=first-compiler ${url}/globex/sign-in
curl -s -b $JAR -w '\\n' ${url}/acme/me; curl -s -b $JAR -w '\\n' ${url}/globex/me
TOKEN=$(awk '$6 == "sid-acme" { print $7 }' $JAR); curl -s -o /dev/null -w '%{http_code}\\n' -b "sid-globex=$TOKEN" ${url}/globex/me
curl -s -b $JAR -c $JAR -w '%{http_code}\\n' -X POST ${url}/acme/sign-out
curl -s -b $JAR -w '\\n' ${url}/globex/me
`;
}
