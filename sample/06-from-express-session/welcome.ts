/** What the sample prints when both applications listen. */
export function welcome(before: string, after: string): string {
  return `
Before, on express-session: ${before}
After, on nestjs-token-session: ${after}

From another terminal: one cookie, one session, two applications.

JAR=$(mktemp); curl -s -c $JAR -w '\\n' -d item=tea ${before}/cart
curl -s -b $JAR -c $JAR -w '\\n' -d user=ada -d password=first-program ${before}/sign-in
curl -s -b $JAR -w '\\n' ${after}/me
curl -s -b $JAR -w '\\n' -d item=milk ${after}/cart
curl -s -b $JAR -w '\\n' ${before}/me
curl -s -b $JAR -w '%{http_code}\\n' -X POST ${after}/sign-out
curl -s -b $JAR -w '\\n' ${before}/me
`;
}
