import type { Settings } from './settings.js';

/** What the sample prints when it listens. */
export function welcome(url: string, { file, keys: [first, ...others] }: Settings): string {
  const opens = others.length === 0 ? '' : `; sessions of ${others.map(({ id }) => id).join(', ')} open, too`;
  return `
Encrypted sessions: ${url}
The file: ${file}
The key: ${String(first?.id)}${opens}

From another terminal: fill in a form, look for it in the file, go on with it.

TOKEN=$(curl -s -o /dev/null -w '%header{x-auth-token}' -d name='Ada Lovelace' -d iban=GB33BUKB20201555555555 ${url}/checkout)
cat ${file}* | grep -aq Lovelace && echo 'the name is there to read' || echo 'no name to be found'
cat ${file}* | grep -aq GB33 && echo 'the IBAN is there to read' || echo 'no IBAN to be found'
curl -s -w '\\n' -H "X-Auth-Token: $TOKEN" ${url}/checkout
`;
}
