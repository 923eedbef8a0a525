import { session, type Session, type SessionOptions, type UserSession } from 'nestjs-token-session';
import { RedisStore, type RedisStoreOptions } from 'nestjs-token-session/redis';
import { CLIENTS, CLUSTER_CLIENTS, type Address } from './clients.js';

/** How a process is set up. */
export interface PeerSetup {
  /** The name of a driver in `CLIENTS`. */
  readonly driver: string;
  /** The URL of one server, or nodes of a cluster. */
  readonly redis: string | readonly Address[];
  readonly store?: Pick<RedisStoreOptions, 'prefix' | 'nearCache'>;
  readonly session?: Pick<SessionOptions, 'idleTimeout' | 'absoluteTimeout' | 'maxPerUser' | 'onMaxPerUser'>;
  /** Where the clock stands, which only `setClock` moves; the real one unless given. */
  readonly now?: number;
}

export type Data = Record<string, number>;

/** A session that somebody got a token for. */
export interface Got {
  readonly token: string;
  readonly id: string;
}

/**
 * A process with a client and a session layer of its own: what its parent calls here it does on sessions that it
 * holds by number, as request handlers do that take their time.
 */
export class Peer {
  private readonly held = new Map<number, Session<Data>>();
  private readonly looped: (Got | string)[] = [];
  private isLooping = false;

  private layer: ReturnType<typeof session>;

  private constructor(
    private readonly store: RedisStore,
    options: PeerSetup['session'],
    private now: number | undefined,
  ) {
    this.layer = this.openLayer(options);
  }

  static async start({ driver, redis, store, session: options, now }: PeerSetup): Promise<Peer> {
    const named = ({ name }: { name: string }): boolean => name === driver;
    const connected = await (typeof redis === 'string'
      ? CLIENTS.find(named)?.connect(redis)
      : CLUSTER_CLIENTS.find(named)?.connect(redis));
    if (connected === undefined) throw new Error(`No driver ${driver}`);
    return new Peer(new RedisStore({ ...store, client: connected.client }), options, now);
  }

  /** From here on other options hold. */
  configure(options: PeerSetup['session']): void {
    this.layer = this.openLayer(options);
  }

  setClock(now: number): void {
    this.now = now;
  }

  /** A session that is stored and holds nothing. */
  async begin(held: number): Promise<Got> {
    const visitor = this.visit();
    await visitor.save();
    return this.hold(held, visitor);
  }

  async open(held: number, token: string): Promise<Data | undefined> {
    const found = await this.layer.service.load<Data>(token);
    if (found === undefined) return undefined;
    this.held.set(held, found);
    return dataOf(found);
  }

  drop(held: readonly number[]): void {
    for (const number of held) this.held.delete(number);
  }

  /** What reading finds now, by several tokens. */
  async read(tokens: readonly string[]): Promise<(Data | null)[]> {
    const found = await Promise.all(tokens.map((token) => this.layer.service.load<Data>(token)));
    return found.map((session) => (session === undefined ? null : dataOf(session)));
  }

  async put(held: number, key: string, value: number): Promise<void> {
    const own = this.session(held);
    own[key] = value;
    await this.layer.service.save(own);
  }

  async remove(held: number, key: string): Promise<boolean> {
    const own = this.session(held);
    const isThere = key in own;
    Reflect.deleteProperty(own, key);
    await this.layer.service.save(own);
    return isThere;
  }

  increment(held: number): Promise<void> {
    return this.layer.service.update(this.session(held), (draft) => (draft['count'] = (draft['count'] ?? 0) + 1));
  }

  touch(held: number): Promise<void> {
    return this.layer.service.touch(this.session(held));
  }

  async regenerate(held: number, keep: readonly string[], next: number): Promise<Got> {
    return this.hold(next, await this.layer.service.regenerate(this.session(held), { keep }));
  }

  /** Signs a user in, over a session that is held or a new visitor's. */
  async login(userId: string, held?: number, keep: readonly string[] = [], next?: number): Promise<Got> {
    const before = held === undefined ? this.visit() : this.session(held);
    return this.hold(next, await this.layer.service.login(before, userId, { keep }));
  }

  /** As many logins at once; each gives a session or the code of its failure. */
  logins(userId: string, number: number): Promise<(Got | string)[]> {
    const login = (): Promise<Got | string> => this.login(userId).catch(failureOf);
    return Promise.all(Array.from({ length: number }, login));
  }

  /** Signs a user in again and again until `endLoop`, some at a time. */
  async loopLogins(userId: string, atATime: number): Promise<(Got | string)[]> {
    this.isLooping = true;
    this.looped.length = 0;
    const loop = async (): Promise<void> => {
      while (this.isLooping) this.looped.push(await this.login(userId).catch(failureOf));
    };
    await Promise.all(Array.from({ length: atATime }, loop));
    return this.looped;
  }

  /** What the loop has been given so far. */
  given(): Got[] {
    return this.looped.filter((answer) => typeof answer !== 'string');
  }

  endLoop(): void {
    this.isLooping = false;
  }

  destroy(held: number): Promise<void> {
    return this.layer.service.destroy(this.session(held));
  }

  destroyAll(userId: string): Promise<number> {
    return this.layer.service.destroyAll(userId);
  }

  destroyById(userId: string, id: string): Promise<boolean> {
    return this.layer.service.destroyById(userId, id);
  }

  list(userId: string): Promise<UserSession[]> {
    return this.layer.service.list(userId);
  }

  clear(): Promise<void> {
    return this.layer.service.clear();
  }

  private openLayer(options: PeerSetup['session']): ReturnType<typeof session> {
    return session({
      ...options,
      store: this.store,
      logger: { warn: () => undefined, error: () => undefined },
      // The index of users goes by the server's clock where the application goes by the real one.
      ...(this.now !== undefined && { clock: () => this.now as number }),
    });
  }

  private session(held: number): Session<Data> {
    const own = this.held.get(held);
    if (own === undefined) throw new Error(`This process holds no session ${String(held)}.`);
    return own;
  }

  private hold(held: number | undefined, session: Session<Data>): Got {
    if (held !== undefined) this.held.set(held, session);
    const { id, token } = this.layer.service.info(session);
    return { id: id as string, token: token as string };
  }

  private visit(): Session<Data> {
    const request = { headers: {}, url: '/' } as unknown as { session: Session<Data> };
    this.layer(request as never, { headersSent: false } as never, () => undefined);
    return request.session;
  }
}

function dataOf(session: Session<Data>): Data {
  return { ...session } as Data;
}

/** The code of a failure that the session layer knows. */
export function failureOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}
