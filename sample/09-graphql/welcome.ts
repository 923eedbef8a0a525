/** What the sample prints when it listens. */
export function welcome(url: string): string {
  const graphql = (query: string, options = `-H "X-Auth-Token: $TOKEN"`): string =>
    `curl -s -H 'Content-Type: application/json' ${options} -d '{"query":"${query}"}' ${url}/graphql`;
  const token = (query: string, options = ''): string =>
    `TOKEN=$(${graphql(query, `-o /dev/null -w '%header{x-auth-token}'${options}`)})`;
  return `
A cart behind GraphQL, at ${url}/graphql (in a browser: GraphiQL).

From another terminal: a cart, a sign-in that keeps it, an order.

${token('mutation { addToCart(product: 42, quantity: 2) { items { product } } }')}
${graphql('mutation { order { customer } }')}
${token('mutation { login(user: \\"ada\\", password: \\"first-program\\") }', ` -H "X-Auth-Token: $TOKEN"`)}
${graphql('{ me cart { isAnonymous items { product quantity } } }')}
${graphql('mutation { order { customer items { product quantity } } logout }')}
${graphql('{ cart { isAnonymous items { product } } }')}
`;
}
