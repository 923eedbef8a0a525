import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe, type TracingChannel } from 'node:diagnostics_channel';
import { context, type Context, type Span } from '@opentelemetry/api';
import { quietly } from '../event-stream.js';
import type { SessionMetrics } from './session-metrics.js';
import { contextOf, type SessionSpans } from './session-spans.js';
import type { Subject } from './subjects.js';

/** What has begun and not ended. */
interface Begun {
  readonly at: number;
  readonly span: Span | undefined;
}

/** Makes a span and a measurement of each message of a channel. Its faults are no faults of the request. */
export class ChannelObserver<Message extends { outcome?: string; errorType?: string }> {
  private readonly begun = new WeakMap<Message, Begun>();
  private readonly active = new ActiveContext();

  constructor(
    private readonly channel: TracingChannel<unknown, Message>,
    private readonly subject: Subject<Message>,
    private readonly spans: SessionSpans,
    private readonly metrics: SessionMetrics,
  ) {}

  start(): void {
    // What runs in between is a child of the span: the driver's own spans, where it is instrumented.
    this.channel.start.bindStore(this.active, (message) => this.began(message));
    subscribe(this.channel.end.name, this.returned);
    subscribe(this.channel.asyncEnd.name, this.settled);
  }

  stop(): void {
    unsubscribe(this.channel.end.name, this.returned);
    unsubscribe(this.channel.asyncEnd.name, this.settled);
    this.channel.start.unbindStore(this.active);
  }

  private began(message: Message): Context {
    let span: Span | undefined;
    quietly(() => {
      span = this.spans.begin(this.subject, message, context.active());
    });
    this.begun.set(message, { at: performance.now(), span });
    return contextOf(span);
  }

  private readonly returned = (message: unknown): void => {
    const { outcome, errorType } = message as Message;
    // A promise ends later.
    if (outcome !== undefined || errorType !== undefined) this.ended(message as Message);
  };

  private readonly settled = (message: unknown): void => {
    this.ended(message as Message);
  };

  private ended(message: Message): void {
    const begun = this.begun.get(message);
    // Begun before this was enabled, or ended already.
    if (begun === undefined) return;
    this.begun.delete(message);
    const { outcome, errorType } = message;
    const ms = performance.now() - begun.at;
    quietly(() => {
      if (begun.span !== undefined) this.spans.end(begun.span, message);
    });
    quietly(() => {
      this.metrics.took(this.subject.histogram, ms, {
        ...this.subject.attributes(message),
        ...(outcome !== undefined && { 'session.outcome': outcome }),
        ...(errorType !== undefined && { 'error.type': errorType }),
      });
    });
  }
}

/** Node binds channels to an `AsyncLocalStorage`; the one behind OpenTelemetry's context is reached by `context.with`. */
class ActiveContext extends AsyncLocalStorage<unknown> {
  override run<Args extends unknown[], R>(active: unknown, run: (...args: Args) => R, ...args: Args): R {
    return context.with(active as Context, () => run(...args));
  }
}
