import { AccountPanel } from './account.js';
import { Api } from './api.js';
import { duration } from './text.js';

/** One session: its data, its clocks and its user, as the server last told. */
export class SessionCard {
  #api;
  #parts;
  #account;
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
  #waitsToShow = false;

  /**
   * @param label what this client calls itself in the list of sessions
   * @param changed is called with each action of this card that may have changed a session
   */
  constructor(element, transport, label, changed) {
    element.append(document.querySelector('#session').content.cloneNode(true));
    this.#api = new Api(transport);
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
      needSession: [part('[data-action="regenerate"]'), part('.inside [data-action="destroy"]')],
      account: part('.account'),
    };
    this.#account = new AccountPanel(this.#parts.account, label, (action, details) => this.run(action, details));
    element.addEventListener('click', ({ target: { dataset } }) => {
      if (dataset.action) void this.run(dataset.action, { id: dataset.id });
    });
  }

  get isSignedIn() {
    return this.#session?.userId !== undefined;
  }

  /** One request after the other, so that no older answer overwrites a newer one. Gives whether it was refused. */
  run(action, details) {
    if (action === 'show') {
      if (this.#waitsToShow) return this.#queue;
      this.#waitsToShow = true;
    }
    this.#queue = this.#queue.then(() => this.#run(action, details));
    return this.#queue;
  }

  tick() {
    if (this.#session === null) return;
    const now = this.#now();
    for (const { name, timer, bar } of this.#parts.clocks) {
      const left = Math.max(0, this.#session[`${name}ExpiresAt`] - now);
      const text = duration(left);
      if (timer.textContent === text) continue;
      timer.textContent = text;
      bar.value = left;
      timer.parentElement.toggleAttribute('data-soon', left <= 30_000);
    }
    this.#account.tick(now);
    // The server decides whether the session has ended: another client may have used it meanwhile.
    if (now >= endOf(this.#session) && !this.#asked) {
      this.#asked = true;
      void this.run('show');
    }
  }

  async #run(action, details) {
    if (action === 'show') this.#waitsToShow = false;
    const before = this.#session;
    let outcome;
    try {
      outcome = await this.#api.perform(action, details);
    } catch {
      this.#say('The server did not answer. Try again.');
      this.#told = false;
      return true;
    }
    const { refusal, session: after, devices } = outcome;
    if (refusal !== undefined) {
      this.#account.say(refusal.message);
      return true;
    }
    this.#asked = false;
    const wasSignedOut = before?.userId !== undefined && after?.userId === undefined && action !== 'destroy';
    if (wasSignedOut) this.#account.say(`You are signed out: the session ${this.#reason(before)}.`);
    else if (after?.userId !== undefined || action === 'destroy') this.#account.say();
    this.#show(after, devices);
    if (action !== 'show' || before?.id !== after?.id || !this.#told) {
      const isExpected = before === null || action === 'destroy';
      this.#parts.element.dataset.state = after !== null ? 'live' : isExpected ? 'none' : 'ended';
      this.#say(this.#describe(action, before, after));
    }
    this.#told = true;
    if (action !== 'show') this.#changed(action);
    return false;
  }

  #show(session, devices) {
    const { views, unit, id, json, clocks, needSession } = this.#parts;
    const focused = document.activeElement;
    this.#session = session;
    // maxAge is what the server's clock says is left, so a wrong clock of this device does no harm.
    if (session !== null) this.#ahead = endOf(session) - session.maxAge - Date.now();
    const data = session?.data ?? {};
    const count = data.views ?? 0;
    views.textContent = count;
    unit.textContent = count === 1 ? 'view' : 'views';
    id.textContent = session?.id ?? 'none';
    json.textContent = JSON.stringify(data, null, 2);
    for (const button of needSession) button.disabled = session === null;
    for (const { name, timer, bar } of clocks) {
      bar.max =
        session === null ? 1 : session[`${name}ExpiresAt`] - (name === 'idle' ? session.usedAt : session.startedAt);
      bar.value = 0;
      timer.textContent = '–';
    }
    const wasInAccount = this.#parts.account.contains(focused);
    this.#account.show(session?.userId, devices, this.#now());
    this.#keepFocus(focused, wasInAccount);
    this.tick();
  }

  /** What had the focus may be gone, and whoever works by keyboard would start at the top of the page again. */
  #keepFocus(focused, wasInAccount) {
    const { element, start } = this.#parts;
    const isGone = !focused.isConnected || focused.closest('[hidden], :disabled') !== null;
    if (!isGone || !(wasInAccount || element.contains(focused))) return;
    if (wasInAccount) this.#account.focus();
    else start.focus();
  }

  #describe(action, before, after) {
    const isNew = before?.id !== after?.id;
    if (after === null) {
      if (action === 'destroy') return 'The session was destroyed. The next view starts a new one.';
      if (before === null) return 'No session yet: nothing is stored and no token is sent before the first view.';
      // Why a user was signed out stands above the sign-in.
      const why = before.userId === undefined ? `: it ${this.#reason(before)}` : '';
      return `The session has ended${why}. The next view starts a new one.`;
    }
    switch (action) {
      case 'regenerate':
        return 'New token, new id. The old token opens nothing any more.';
      case 'signIn':
        return `Signed in, under a new token.${after.data.views ? ' The views came along.' : ''}`;
      case 'signOutOther':
        return 'That session has ended. Its token opens nothing any more.';
      case 'signOutOthers':
        return 'All other sessions of this user have ended.';
      case 'show':
        if (before === null || !isNew) return 'The session is live.';
        return after.userId === before.userId
          ? 'The session has a new token, from another tab.'
          : 'There is another session now, from another tab.';
      default:
        return isNew ? 'A new session has begun.' : 'The session is live.';
    }
  }

  #reason(session) {
    const minutes = (ms) => `${Math.round(ms / 60_000)} minutes`;
    if (this.#now() >= session.absoluteExpiresAt) {
      return `was ${minutes(session.absoluteExpiresAt - session.startedAt)} old`;
    }
    if (this.#now() >= session.idleExpiresAt) {
      return `was not used for ${minutes(session.idleExpiresAt - session.usedAt)}`;
    }
    return 'was ended elsewhere, or with the server';
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
