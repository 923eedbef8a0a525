import {
  MemoryStore,
  userAgent,
  type SessionBinding,
  type SessionEvent,
  type SessionOptions,
  type SessionStore,
} from 'nestjs-token-session';
import type { AppPlan } from '../../support/app.js';
import { COOKIE, HEADER, type Carrier } from '../../support/carriers.js';
import { collectEvents } from '../../support/events.js';
import type { Platform } from '../../support/platforms.js';
import { ScriptedApp, type Ran, type Script } from '../../support/scripted.js';
import { SimpleMapStore } from '../../support/stores.js';

interface BoundWay {
  readonly title: string;
  readonly platform: Platform;
  readonly carrier: Carrier;
  readonly build: () => MemoryStore | SessionStore;
}

/** Platforms, transports and stores, pairwise. */
export const BOUND_WAYS: readonly BoundWay[] = [
  { platform: 'express', carrier: HEADER, build: () => new MemoryStore() },
  { platform: 'express', carrier: COOKIE, build: (): SessionStore => new SimpleMapStore() },
  { platform: 'fastify', carrier: HEADER, build: (): SessionStore => new SimpleMapStore() },
  { platform: 'fastify', carrier: COOKIE, build: () => new MemoryStore() },
].map((way) => ({
  ...way,
  platform: way.platform as Platform,
  title: `${way.platform}, ${way.carrier.name}, ${way.build().constructor.name}`,
}));

export const REPORT: SessionBinding = { of: userAgent, onMismatch: 'report' };
export const REFUSE: SessionBinding = { of: userAgent, onMismatch: 'refuse' };

/** An application whose sessions are bound, with clients that say by their user agent where they are. */
export class BoundApp {
  private constructor(
    readonly scripted: ScriptedApp,
    readonly events: SessionEvent[],
  ) {}

  static async start(
    { platform, carrier, build }: Omit<BoundWay, 'title'>,
    session: SessionOptions,
    plan: Partial<AppPlan> = {},
  ): Promise<BoundApp> {
    const options = { store: build(), ...session } as SessionOptions;
    const scripted = await ScriptedApp.start(platform, options, { carrier, ...plan });
    return new BoundApp(scripted, collectEvents(scripted.running));
  }

  /** A request from a place, by this token if any. */
  from(place: string | undefined, script: Script, token?: string): Promise<Ran> {
    return this.scripted.run(script, token, place === undefined ? {} : { 'User-Agent': place });
  }

  /** Begins a session at a place; gives its token. */
  async begin(place: string | undefined, script: Script = shop): Promise<string> {
    return (await this.from(place, script)).issued as string;
  }

  /** The mismatches so far. */
  get mismatches(): Extract<SessionEvent, { type: 'session_binding_mismatch' }>[] {
    return this.events.filter((event) => event.type === 'session_binding_mismatch');
  }

  /** What the application was told of its sessions' bindings. */
  get notices(): string[] {
    return this.events.flatMap((event) => (event.type === 'store_notice' ? [event.reason] : []));
  }

  /** Whether a token opens its session at a place; it needs one that refuses. */
  async opensAt(place: string | undefined, token: string): Promise<boolean> {
    return (await this.from(place, isThere, token)).result === true;
  }
}

export const shop: Script = (session) => {
  session['cart'] = 'full';
};

const isThere: Script = (session) => !session.isNew;
