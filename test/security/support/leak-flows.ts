import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { AtomicSessionStore, SessionEvent, SessionOptions, SessionStore } from 'nestjs-token-session';
import { idOf } from '../../../lib/session-token.js';
import { atomicStoreOf } from '../../../lib/stores/atomic-store-of.js';
import { startApp } from '../../support/app.js';
import { Barrier } from '../../support/barrier.js';
import { call } from '../../support/client.js';
import { TestClock } from '../../support/clock.js';
import { watch } from '../../support/leaks/realm.js';
import type { Platform, RunningApp } from '../../support/platforms.js';
import { LeakController, MARKER, talkative } from './leak-app.js';
import { Looking } from './looking.js';
import { QuotingFaults, type Failing } from './quoting-store.js';
import type { Way } from './ways.js';

const HOUR = 3_600_000;
/** The one real time here, in ms: how long a call of the store may take, long enough for a busy machine. */
const STORE_TIMEOUT = 500;
/** Those that tell of things that are not as they should be. */
const EVENTS: readonly SessionEvent['type'][] = [
  ...(['session_created', 'session_renewed', 'session_destroyed', 'authn_login_success'] as const),
  ...(['token_unknown', 'token_rotated', 'input_validation_fail', 'update_conflict', 'write_refused'] as const),
  ...(['data_refused', 'record_corrupt', 'format_unknown', 'store_failed', 'store_recovered'] as const),
];
const FAILURES: readonly Failing[] = ['throws', 'loses its answer'];

export interface LeakPlan {
  platform: Platform;
  way: Way;
  store: SessionStore | AtomicSessionStore;
  session?: SessionOptions;
}

/** An application that does everything that there is to sessions, while a test looks at all that comes out. */
export class LeakFlows {
  readonly looking = new Looking();
  readonly events: SessionEvent[] = [];
  readonly lines: string[] = [];
  private readonly clock = new TestClock(Date.now());
  private readonly faults = new QuotingFaults();
  private running!: RunningApp;

  private constructor(private readonly plan: LeakPlan) {}

  static async start(plan: LeakPlan): Promise<LeakFlows> {
    const flows = new LeakFlows(plan);
    const { looking, lines } = flows;
    const line = (text: string): void => {
      lines.push(text);
      looking.hear('the session logger', text);
    };
    flows.running = await startApp(plan.platform, {
      controllers: [LeakController],
      providers: [{ provide: Looking, useValue: looking }],
      session: {
        store: flows.faults.around(plan.store),
        transport: plan.way.transport(),
        clock: flows.clock.now,
        logger: { warn: line, error: line },
        ...{ idleTimeout: '2d', absoluteTimeout: '30d', storeTimeout: STORE_TIMEOUT, captureDevice: true },
        ...plan.session,
      },
      prepare: talkative(looking),
    });
    flows.running.get(LeakController).sessions.events$.subscribe((event) => {
      flows.events.push(event);
      looking.at(`the event ${event.type}`, event);
    });
    return flows;
  }

  /** A request; the token that its answer brought, or that it went on with. */
  async ask(act: string, token = '', headers: Record<string, string> = {}): Promise<string> {
    const { looking, plan } = this;
    looking.doing =
      this.faults.operation === undefined ? act : `${act}, ${this.faults.operation} ${this.faults.failing}`;
    const sent = token === '' ? {} : plan.way.send(token);
    const method = act === 'redirected' ? 'GET' : 'POST';
    const answer = await call(this.running.url, `/${act}`, { method, headers: { ...sent, ...headers } });
    looking.answer(answer, plan.way);
    // Log lines of one kind come once a minute; here all of them are wanted.
    this.clock.advance(60_001);
    const received = plan.way.received(answer);
    if (!received) return token;
    looking.tokens.add(received);
    return received;
  }

  async everything(): Promise<void> {
    await this.sessions();
    await this.lookAround();
    await this.hostile();
    await this.outcomes();
    await this.ends();
    await this.lookAround();
  }

  /** What an application does all day. */
  async sessions(): Promise<void> {
    let token = await this.ask('new');
    await Promise.all(Array.from({ length: 6 }, () => this.ask('count', token)));
    for (const act of [
      'write',
      'throws-it',
      'fails-with-it',
      'unstorable',
      'too-much',
      'reserved',
      'touch',
      'reload',
    ]) {
      await this.ask(act, token);
    }
    const old = token;
    for (const act of ['renew', 'login', 'step-up', 'login', 'misused', 'write', 'load']) {
      token = await this.ask(act, token);
    }
    // Rotated away long ago, and within the last minute.
    await this.ask('write', old);
    await this.ask('write', token);
    await this.ask('renew', token);
    this.clock.advance(-60_001);
    await this.ask('write', token);
    token = await this.ask('redirected');
    await this.meanwhile('count', token);
    await this.ask('logout-others', await this.ask('login', await this.ask('redirected')));
    await this.ask('write', token);
    await this.ask('end-one', await this.ask('login'));
    await this.ask('logout-all', await this.ask('login'));
  }

  /** What clients send that may not come in, and must not be shown either. */
  async hostile(): Promise<void> {
    const token = await this.ask('new');
    const invented = randomBytes(32).toString('base64url');
    const { way } = this.plan;
    for (const value of [`${token}x`, ` ${token}`, `${token}, ${invented}`, token.slice(1), invented]) {
      await this.ask('write', value);
      await this.ask('login', value);
    }
    for (const [name, value] of Object.entries(way.send(token))) {
      await this.ask('write', '', { [name]: value.replace(token, `"${token}"`) });
      await this.ask('write', token, { 'Sec-Fetch-Site': 'cross-site', Origin: `https://${token}.example` });
      await this.ask('write', '', { [name]: `${value}, ${value}` });
    }
    await this.ask('logout', token, { 'User-Agent': 'a browser' });
    await this.ask('write', token);
  }

  /** What may happen at a commit. */
  async outcomes(): Promise<void> {
    await this.meanwhile('logout', await this.ask('login'));
    const strong = 'load' in this.plan.store;
    const operations = strong
      ? ['load', 'create', 'update', 'destroy', 'touch', 'users.add']
      : ['get', 'set', 'destroy'];
    for (const operation of operations) {
      await this.faulty(operation, 'rejects', ['new', 'write', 'login', 'renew', 'logout']);
      for (const failing of FAILURES) await this.faulty(operation, failing, ['write', 'login']);
      await this.faulty(operation, 'hangs', [operation === 'create' ? 'new' : 'write']);
    }
  }

  /** How sessions end that nobody ends. */
  async ends(): Promise<void> {
    const store = atomicStoreOf(this.plan.store, STORE_TIMEOUT);
    for (const payload of ['', '{', '1\n{"data":', '999\nof a newer version']) {
      const token = await this.ask('login');
      const record = await store.load(idOf(token));
      if (record !== undefined)
        await store.update(idOf(token), { ...record, payload, version: 'altered' }, record.version);
      await this.ask('write', token);
      await this.ask('write', token);
    }
    const token = await this.ask('login');
    this.clock.advance(31 * 24 * HOUR);
    await this.ask('write', token);
    await this.ask('read', token);
  }

  /** A request while a slower one has changed the same session, and is not at its commit yet. */
  private async meanwhile(act: string, token: string): Promise<void> {
    const barrier = (this.running.get(LeakController).barrier = new Barrier());
    const slow = this.ask('slow', token);
    await Promise.race([barrier.arrived, slow]);
    await this.ask(act, token);
    barrier.open();
    await slow;
  }

  private async faulty(operation: string, failing: Failing, acts: readonly string[]): Promise<void> {
    for (const act of acts) {
      const token = act === 'new' ? '' : await this.ask('login');
      Object.assign(this.faults, { operation, failing });
      await this.ask(act, token);
      Object.assign(this.faults, { operation: undefined, failing: 'throws' });
      await this.ask('write', token);
    }
  }

  /** Looks at what the application holds by now. */
  async lookAround(): Promise<void> {
    await this.running.get(LeakController).lookAround();
  }

  /** Fails when a token was seen, or data in what is not an error of the store itself, or when too little was looked at to tell. */
  verify(): void {
    const { looking, events, lines } = this;
    for (const value of [lines, events]) looking.hear('all of it', inspect(value, { depth: 9, maxArrayLength: null }));
    expect(looking.failures()).toEqual([]);
    expect(looking.seen).toBeGreaterThan(1_000_000);
    expect(looking.tokens.size).toBeGreaterThan(20);
    // The faults here are those of a store that quotes: its text is told as it is.
    const own = [...events.filter(({ type }) => type !== 'store_failed'), ...lines.filter(isNoStoreFailure)];
    expect(inspect(own, { depth: 9, maxArrayLength: null, maxStringLength: null })).not.toMatch(MARKER);
    expect(lines.join()).toMatch(MARKER);
    // The search would have found each of them.
    for (const token of looking.tokens) expect(watch.search.find(`a ${token}`)).toBeDefined();
    expect(lines.length).toBeGreaterThan(10);
    expect(EVENTS.filter((expected) => !events.some(({ type }) => type === expected))).toEqual([]);
  }
}

function isNoStoreFailure(line: string): boolean {
  return !line.startsWith('store_failed');
}
