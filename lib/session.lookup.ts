import { isBoundHere } from './session.binding.js';
import type { SessionEngine } from './session.engine.js';
import type { SessionError } from './session.errors.js';
import { interpret, UNDECODABLE, unusable, type Reading } from './session.reading.js';
import type { SessionOwner } from './session.lifecycle.js';
import { SessionState } from './session.state.js';
import { ended } from './session.writer.js';
import { touchInterval } from './session.record.js';
import type { SessionRecord } from './stores/session-store.js';
import { isPromise } from './stores/awaitable.js';
import type { UNREADABLE } from './stores/store-access.js';
import type { SessionTransport, TransportRequest } from './transports/session-transport.js';

/**
 * The session that a request names: asks the transports for a token, loads its record once, moves
 * the idle clock. What goes wrong with the store is kept until the session is opened: routes that
 * don't use it need not care.
 */
export class SessionLookup {
  /** The transport in whose place something stood: the way in, and so the way out. */
  via: SessionTransport | undefined;
  /** Why this request may not use the session of its cookie, if so. */
  refusal: SessionError | undefined;
  /** Private to inspect and logs too (law 2), and so is the id: it may be the same. */
  #token: string | undefined;
  #id: string | undefined;
  private reading: Reading | undefined;
  private failure: SessionError | undefined;

  constructor(
    private readonly engine: SessionEngine,
    private readonly request: TransportRequest,
    /** What is asked for a token, in this order. */
    private readonly transports: readonly SessionTransport[] = engine.options.readingOrder,
    /** Whether the client has done something: only that is use of the session (law 8). */
    private readonly isUse = true,
  ) {}

  /** What the token names; undefined where there is none, and where its record was not reached. */
  get kind(): Reading['kind'] | undefined {
    return this.reading?.kind;
  }

  /** Whether the client holds the token of a session that lived when this request came. */
  get isLive(): boolean {
    return this.reading?.kind === 'live';
  }

  /** Whether this is the token that the client sent. */
  wasSent(token: string): boolean {
    return token === this.#token;
  }

  /**
   * Finds and loads; a promise only when the store gives one.
   *
   * @throws SessionError `CSRF_REFUSED`
   */
  begin(): void | Promise<void> {
    for (const transport of this.transports) {
      const value = transport.read(this.request);
      if (value === undefined) continue;
      // The first that is there decides: a token that is refused has no second way.
      this.via = transport;
      const refusal = transport.refuse?.(this.request);
      if (refusal === undefined) return this.load(value);
      this.engine.events.emit({ type: 'malicious_cors', reason: refusal.message });
      if (transport.refuseAt !== 'handler') throw refusal;
      this.refusal = this.failure = refusal;
      return;
    }
  }

  /** Takes back a refusal, and loads after all. */
  async acquit(): Promise<void> {
    if (this.refusal === undefined) return;
    this.refusal = this.failure = undefined;
    const value = this.via?.read(this.request);
    if (value !== undefined) await this.load(value);
  }

  /**
   * The session in this process.
   *
   * @throws SessionError when it could not be loaded and the application does not tolerate that
   */
  open(owner: SessionOwner): SessionState {
    const { engine, reading, failure } = this;
    const token = this.#token;
    const id = this.#id;
    if (failure !== undefined) {
      if (engine.options.onStoreError === 'fail' || failure === this.refusal) throw failure;
      return SessionState.locked(engine, owner, failure, id);
    }
    if (reading === undefined || token === undefined || id === undefined) return new SessionState(engine, owner);
    switch (reading.kind) {
      case 'live':
        try {
          return SessionState.of(engine, owner, token, id, reading);
        } catch (error) {
          this.failure = unusable(engine, id, reading, error);
          if (this.failure !== undefined) return this.open(owner);
          this.reading = { kind: 'corrupt', reason: UNDECODABLE };
          return SessionState.locked(engine, owner, ended(), id);
        }
      // A request still on its way with a token that was rotated away, or one whose record is lost:
      // it may read an empty session; a change would be lost, and a new session nobody's (law 7).
      case 'rotated':
      case 'corrupt':
        return SessionState.locked(engine, owner, ended(), id);
      default:
        return new SessionState(engine, owner);
    }
  }

  /** @param value what stands in a token's place: a transport of the application may hand on anything (H20) */
  private load(value: unknown): void | Promise<void> {
    const { engine } = this;
    const id = typeof value === 'string' ? engine.connections.idOf(value, this.request.raw.socket) : undefined;
    if (id === undefined) {
      engine.events.emit({ type: 'input_validation_fail', transport: this.via?.name ?? '' });
      return;
    }
    this.#token = value as string;
    this.#id = id;
    try {
      const loaded = engine.store.load(id);
      if (!isPromise(loaded)) {
        this.take(id, loaded);
        return;
      }
      return Promise.resolve(loaded).then(
        (record) => {
          this.take(id, record);
        },
        (error: unknown) => {
          this.failure = error as SessionError;
        },
      );
    } catch (error) {
      this.failure = error as SessionError;
    }
  }

  private take(id: string, loaded: SessionRecord | typeof UNREADABLE | undefined): void {
    const { events } = this.engine;
    const reading = (this.reading = interpret(this.engine, id, loaded));
    switch (reading.kind) {
      case 'live':
        if (isBoundHere(this.engine, this.request, { token: this.#token as string, id, identity: reading.identity })) {
          this.touchIfDue(id, reading.record);
        } else this.reading = { kind: 'missing' };
        break;
      case 'missing':
        this.engine.missed(id);
        break;
      case 'expired':
        this.engine.missed(id, loaded as SessionRecord);
        break;
      case 'rotated':
        events.emit({ type: 'token_rotated', id });
        break;
      case 'kept':
        this.failure = reading.error;
        events.emit({ type: 'format_unknown', id, reason: reading.reason });
        break;
      case 'corrupt':
        this.engine.discard(id, reading.reason);
    }
  }

  /** Moves the idle clock beside the handler: it can neither delay nor fail the answer (law 8). */
  private touchIfDue(id: string, record: SessionRecord): void {
    if (!this.isUse) return;
    const { engine } = this;
    const now = engine.now();
    // Either way: a clock that was put back leaves a time in the future behind.
    if (Math.abs(now - record.usedAt) < touchInterval(record, engine.options)) return;
    const touched = { ...record, usedAt: now };
    engine.store.aside(() => engine.store.touch(id, touched));
    if (this.reading?.kind === 'live') this.reading = { ...this.reading, record: touched };
  }
}
