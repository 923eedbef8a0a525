import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { MeterProvider, TracerProvider } from '@opentelemetry/api';
import { quietly } from '../event-stream.js';
import { invalid } from '../session.checks.js';
import { COMMIT_CHANNEL, EVENT_CHANNEL, STORE_CHANNEL, type SessionEventMessage } from '../telemetry/channels.js';
import { ChannelObserver } from './channel-observer.js';
import { NAME, VERSION } from './identity.js';
import { SessionMetrics } from './session-metrics.js';
import { SessionSpans } from './session-spans.js';
import { COMMIT, STORE_OPERATION } from './subjects.js';

/** What `SessionInstrumentation` takes. */
export interface SessionInstrumentationConfig {
  /** Whether it begins when it is made; without it `enable()` does. Default true. */
  enabled?: boolean;
  /**
   * Whether spans are made within a trace only. What the session layer does by itself, its sweep for example, begins
   * none then; metrics count it all the same. Default true.
   */
  requireParentSpan?: boolean;
}

/**
 * Spans and metrics of OpenTelemetry for all sessions of the process: what their stores are asked, how long that takes,
 * what came of it, and how often each event happened. Nothing of it holds an id, a token, a user or data.
 *
 * It is an `Instrumentation` as `NodeSDK` and `registerInstrumentations` take them, and works without either: with the
 * providers that are set globally, whenever that happens.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export class SessionInstrumentation {
  /** The name of this package, as its spans and metrics have it. */
  readonly instrumentationName = NAME;
  /** The version of this package. */
  readonly instrumentationVersion = VERSION;
  private readonly spans = new SessionSpans();
  private readonly metrics = new SessionMetrics();
  private readonly observers = [
    new ChannelObserver(STORE_CHANNEL, STORE_OPERATION, this.spans, this.metrics),
    new ChannelObserver(COMMIT_CHANNEL, COMMIT, this.spans, this.metrics),
  ];
  private config: SessionInstrumentationConfig = {};
  private isEnabled = false;

  constructor(config: SessionInstrumentationConfig = {}) {
    this.setConfig(config);
    if (this.config.enabled === true) this.enable();
  }

  /** Begins; does nothing where it has begun. */
  enable(): void {
    if (this.isEnabled) return;
    this.isEnabled = true;
    for (const observer of this.observers) observer.start();
    subscribe(EVENT_CHANNEL.name, this.count);
  }

  /** Ends, and leaves nothing behind: the session layer costs what it costs without it. */
  disable(): void {
    if (!this.isEnabled) return;
    this.isEnabled = false;
    for (const observer of this.observers) observer.stop();
    unsubscribe(EVENT_CHANNEL.name, this.count);
  }

  /** What it was made with, or told since. */
  getConfig(): SessionInstrumentationConfig {
    return this.config;
  }

  /** @throws SessionConfigError `INVALID_OPTION` */
  setConfig(config: SessionInstrumentationConfig): void {
    const { enabled = true, requireParentSpan = true } = config;
    for (const [name, value] of Object.entries({ enabled, requireParentSpan }) as [string, unknown][]) {
      if (typeof value !== 'boolean') invalid(`${name} of SessionInstrumentation`, value, 'true or false');
    }
    this.config = { enabled, requireParentSpan };
    this.spans.requireParent = requireParentSpan;
  }

  /** Default: the one that is set globally. */
  setTracerProvider(provider: TracerProvider): void {
    this.spans.provider = provider;
  }

  /** Default: the one that is set globally. */
  setMeterProvider(provider: MeterProvider): void {
    this.metrics.provider = provider;
  }

  private readonly count = (message: unknown): void => {
    quietly(() => {
      this.metrics.event(message as SessionEventMessage);
    });
  };
}
