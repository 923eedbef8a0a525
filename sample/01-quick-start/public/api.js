/** The token that the header card holds: for this tab, until it is closed. */
const held = {
  get: () => sessionStorage.getItem('token'),
  set: (token) => (token ? sessionStorage.setItem('token', token) : sessionStorage.removeItem('token')),
};

/** How a token travels: what a request says, and what its answer leaves behind. */
export const transports = {
  header: {
    // Without `omit` the browser would add the other card's cookie.
    request: () => ({ credentials: 'omit', headers: held.get() ? { 'X-Auth-Token': held.get() } : {} }),
    receive: (response) => {
      // A new token is named, an ended one is answered by an empty value, and mostly there is nothing to say.
      const token = response.headers.get('X-Auth-Token');
      if (token !== null) held.set(token);
    },
  },
  cookie: {
    request: () => ({ credentials: 'same-origin', headers: { 'X-Token-In': 'cookie' } }),
    receive: () => {},
  },
};

const requests = {
  show: () => ['GET', 'api/session'],
  count: () => ['GET', 'api/views'],
  regenerate: () => ['POST', 'api/session/regenerate'],
  destroy: () => ['DELETE', 'api/session'],
  signIn: (credentials) => ['POST', 'api/sign-in', credentials],
  devices: () => ['GET', 'api/devices'],
  signOutOther: ({ id }) => ['DELETE', `api/devices/${id}`],
  signOutOthers: () => ['DELETE', 'api/devices/others'],
};

/** One client of the API: sends what a card asks for, with the card's token. */
export class Api {
  #transport;

  constructor(transport) {
    this.#transport = transport;
  }

  /** What came of an action: the session, or null when there is none, and the sessions of its user. */
  async perform(action, details) {
    const response = await this.#send(action, details);
    if (action === 'signIn' && [400, 401, 403].includes(response.status)) return { refusal: await response.json() };
    const session = action.startsWith('signOut') ? await this.#afterSignOut(response) : await sessionIn(response);
    if (!session?.userId) return { session, devices: [] };
    const list = await this.#send('devices');
    return list.status === 401 ? { session: null, devices: [] } : { session, devices: await list.json() };
  }

  async #afterSignOut(response) {
    // 404: that session had ended already.
    return response.status === 401 ? null : sessionIn(await this.#send('show'));
  }

  async #send(action, details) {
    const [method, path, body] = requests[action](details);
    const { credentials, headers } = this.#transport.request();
    const json = body && { body: JSON.stringify(body), headers: { ...headers, 'Content-Type': 'application/json' } };
    const response = await fetch(path, { method, credentials, headers, ...json });
    this.#transport.receive(response);
    if (response.status >= 500) throw new Error(`${method} ${path}: ${response.status}`);
    return response;
  }
}

async function sessionIn(response) {
  // 401: the session ended before the request or during it. 204: it was destroyed.
  if (response.status === 401 || response.status === 204) return null;
  if (!response.ok) throw new Error(`${response.url} was answered with ${response.status}`);
  const session = await response.json();
  return session.isNew ? null : session;
}
