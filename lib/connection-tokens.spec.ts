import fc from 'fast-check';
import { inspect } from 'node:util';
import { ConnectionTokens } from './connection-tokens.js';
import { createToken, HASHED_TOKENS, idOf, isToken } from './session-token.js';

/** Counts what is hashed. */
function counted(): { tokens: ConnectionTokens; hashed: string[] } {
  const hashed: string[] = [];
  const format = {
    ...HASHED_TOKENS,
    idOf: (token: string) => {
      hashed.push(token);
      return idOf(token);
    },
  };
  return { tokens: new ConnectionTokens(format), hashed };
}

describe('the tokens of connections', () => {
  it('H6: are hashed once for requests in a row, on each connection by itself', () => {
    const { tokens, hashed } = counted();
    const [token, other, here, there] = [createToken(), createToken(), {}, {}];
    for (let request = 0; request < 3; request++) expect(tokens.idOf(token, here)).toBe(idOf(token));
    expect(hashed).toEqual([token]);
    expect(tokens.idOf(token, there)).toBe(idOf(token));
    expect(tokens.idOf(other, here)).toBe(idOf(other));
    expect(tokens.idOf(token, here)).toBe(idOf(token));
    expect(hashed).toEqual([token, token, other, token]);
  });

  it('give the id without a connection too', () => {
    const { tokens } = counted();
    const token = createToken();
    expect([tokens.idOf(token, undefined), tokens.idOf(token, null)]).toEqual([idOf(token), idOf(token)]);
  });

  it('H6: no other text passes for the last token, and what is no token leaves it known', () => {
    const { tokens, hashed } = counted();
    const [token, here] = [createToken(), {}];
    tokens.idOf(token, here);
    const nearby = fc.tuple(fc.nat(42), fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }));
    const texts = fc.oneof(
      nearby.map(([at, text]) => token.slice(0, at) + text + token.slice(at + 1)),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', token.slice(1), `${token}A`, token.toLowerCase()),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const expected = isToken(text) ? idOf(text) : undefined;
        expect(tokens.idOf(text, here)).toBe(expected);
        expect(tokens.idOf(token, here)).toBe(idOf(token));
      }),
    );
    hashed.length = 0;
    tokens.idOf('no token', here);
    tokens.idOf(token, here);
    expect(hashed).toEqual([]);
  });

  it('law 2: are not shown', () => {
    const { tokens } = counted();
    const [token, here] = [createToken(), {}];
    const id = tokens.idOf(token, here) as string;
    const shown = inspect([tokens, here], { depth: null, showHidden: true }) + JSON.stringify([tokens, here]);
    expect(shown).not.toContain(token);
    expect(shown).not.toContain(id);
  });
});
