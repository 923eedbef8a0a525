/** The token that the header card holds: for this tab, until it is closed. */
const held = {
  get: () => sessionStorage.getItem('token'),
  set: (token) => (token ? sessionStorage.setItem('token', token) : sessionStorage.removeItem('token')),
};

/** How a token travels: what a request says, and what its answer leaves behind. */
const transports = {
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
  show: ['GET', 'api/session'],
  count: ['GET', 'api/views'],
  regenerate: ['POST', 'api/session/regenerate'],
  destroy: ['DELETE', 'api/session'],
};

class SessionCard {
  #transport;
  #parts;
  #changed;
  /** The session as the server last described it; null when there is none. */
  #session = null;
  /** How far the server's clock is ahead of this device's, in ms. */
  #ahead = 0;
  /** Whether the server was asked since the clocks ran out. */
  #asked = false;
  /** Whether the status is that of the session, and not of a request that failed. */
  #told = false;
  #queue = Promise.resolve();

  /** @param changed is called after this card changed its session */
  constructor(element, transport, changed = () => {}) {
    element.append(document.querySelector('#session').content.cloneNode(true));
    this.#transport = transport;
    this.#changed = changed;
    const part = (selector) => element.querySelector(selector);
    this.#parts = {
      element,
      views: part('[data-views]'),
      unit: part('[data-unit]'),
      status: part('.status'),
      id: part('[data-id]'),
      json: part('[data-json]'),
      clocks: ['idle', 'absolute'].map((name) => {
        const clock = part(`[data-clock="${name}"]`);
        return { name, timer: clock.querySelector('[role="timer"]'), bar: clock.querySelector('progress') };
      }),
      start: part('[data-action="count"]'),
      needSession: [part('[data-action="regenerate"]'), part('[data-action="destroy"]')],
    };
    element.addEventListener('click', ({ target }) => {
      const { action } = target.dataset;
      if (action) this.run(action);
    });
  }

  /** One request after the other, so that no older answer overwrites a newer one. */
  run(action) {
    this.#queue = this.#queue.then(() => this.#run(action));
    return this.#queue;
  }

  tick() {
    if (this.#session === null) return;
    for (const { name, timer, bar } of this.#parts.clocks) {
      const left = Math.max(0, this.#session[`${name}ExpiresAt`] - this.#now());
      const text = duration(left);
      if (timer.textContent === text) continue;
      timer.textContent = text;
      bar.value = left;
      timer.parentElement.toggleAttribute('data-soon', left <= 30_000);
    }
    // The server decides whether the session has ended: another client may have used it meanwhile.
    if (this.#now() >= endOf(this.#session) && !this.#asked) {
      this.#asked = true;
      void this.run('show');
    }
  }

  async #run(action) {
    const before = this.#session;
    let after;
    try {
      after = await this.#ask(action);
    } catch {
      this.#say('The server did not answer. Try again.');
      this.#told = false;
      return;
    }
    this.#asked = false;
    this.#show(after);
    if (action !== 'show' || before?.id !== after?.id || !this.#told) this.#say(this.#describe(action, before, after));
    this.#told = true;
    if (action !== 'show') this.#changed();
  }

  /** The session after the request, or null when there is none. */
  async #ask(action) {
    const [method, path] = requests[action];
    const response = await fetch(path, { method, ...this.#transport.request() });
    this.#transport.receive(response);
    // 401: the session ended before the request or during it. 204: it was destroyed.
    if (response.status === 401 || response.status === 204) return null;
    if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}`);
    const session = await response.json();
    return session.isNew ? null : session;
  }

  #show(session) {
    const { element, views, unit, id, json, clocks, start, needSession } = this.#parts;
    this.#session = session;
    // maxAge is what the server's clock says is left, so a wrong clock of this device does no harm.
    if (session !== null) this.#ahead = endOf(session) - session.maxAge - Date.now();
    const data = session?.data ?? {};
    const count = data.views ?? 0;
    element.dataset.state = session === null ? 'none' : 'live';
    views.textContent = count;
    unit.textContent = count === 1 ? 'view' : 'views';
    id.textContent = session?.id ?? 'none';
    json.textContent = JSON.stringify(data, null, 2);
    if (session === null && needSession.includes(document.activeElement)) start.focus();
    for (const button of needSession) button.disabled = session === null;
    for (const { name, timer, bar } of clocks) {
      bar.max =
        session === null ? 1 : session[`${name}ExpiresAt`] - (name === 'idle' ? session.usedAt : session.startedAt);
      bar.value = 0;
      timer.textContent = '–';
    }
    this.tick();
  }

  #describe(action, before, after) {
    if (after !== null) {
      if (action === 'regenerate') return 'New token, new id. The old token opens nothing any more.';
      if (action === 'show' && before !== null) return 'The session has a new token, from another tab.';
      return action === 'count' && before?.id !== after.id ? 'A new session has begun.' : 'The session is live.';
    }
    if (action === 'destroy') return 'The session was destroyed. The next view starts a new one.';
    if (before === null) return 'No session yet: nothing is stored and no token is sent before the first view.';
    return `The session has ended: ${this.#reason(before)}. The next view starts a new one.`;
  }

  #reason(session) {
    const minutes = (ms) => `${Math.round(ms / 60_000)} minutes`;
    if (this.#now() >= session.absoluteExpiresAt) {
      return `its ${minutes(session.absoluteExpiresAt - session.startedAt)} were over`;
    }
    if (this.#now() >= session.idleExpiresAt) {
      return `it was not used for ${minutes(session.idleExpiresAt - session.usedAt)}`;
    }
    return 'elsewhere, or with the server';
  }

  #say(text) {
    // The same text once more would be read out once more.
    if (this.#parts.status.textContent !== text) this.#parts.status.textContent = text;
  }

  #now() {
    return Date.now() + this.#ahead;
  }
}

function endOf({ idleExpiresAt, absoluteExpiresAt }) {
  return Math.min(idleExpiresAt, absoluteExpiresAt);
}

/** 299,001 ms are 05:00: a countdown shows the second that is running. */
function duration(ms) {
  const seconds = Math.ceil(ms / 1000);
  const two = (value) => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

const otherTabs = new BroadcastChannel('cookie-session');
const cards = {
  header: new SessionCard(document.querySelector('#header'), transports.header),
  cookie: new SessionCard(document.querySelector('#cookie'), transports.cookie, () => otherTabs.postMessage('changed')),
};
otherTabs.onmessage = () => cards.cookie.run('show');

const showAll = () => Object.values(cards).forEach((card) => card.run('show'));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') showAll();
});
// More often than once a second, so that no second is skipped.
setInterval(() => Object.values(cards).forEach((card) => card.tick()), 250);
showAll();
