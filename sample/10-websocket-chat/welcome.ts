/** What the sample prints when it listens. */
export function welcome(url: string): string {
  return `
A chat that ends with the session: ${url}

Sign in as ada with first-program, open a second tab, say something, and sign out in one of them: the socket of the other
is closed at once. As grace (first-compiler) in another browser you can go on.
`;
}
