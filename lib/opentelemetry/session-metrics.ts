import { metrics, type Attributes, type Counter, type Histogram, type MeterProvider } from '@opentelemetry/api';
import type { SessionEventMessage } from '../telemetry/channels.js';
import { NAME, VERSION } from './identity.js';
import { layerAttribute } from './subjects.js';

/** In seconds, as the semantic conventions have them for calls of databases. */
const DURATIONS = { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] };

interface Instruments {
  readonly operations: Histogram;
  readonly commits: Histogram;
  readonly events: Counter;
}

/** Records durations and counts events. */
export class SessionMetrics {
  /** Default: the one that is set globally. */
  provider: MeterProvider | undefined;
  private madeBy: MeterProvider | undefined;
  private made: Instruments | undefined;

  /** @param ms how long it took */
  took(histogram: 'operations' | 'commits', ms: number, attributes: Attributes): void {
    this.instruments[histogram].record(ms / 1_000, attributes);
  }

  event({ type, layer }: SessionEventMessage): void {
    this.instruments.events.add(1, { 'session.event': type, ...layerAttribute(layer) });
  }

  /** Made anew where another provider is set: unlike tracers, meters that came before it stay without effect. */
  private get instruments(): Instruments {
    const provider = this.provider ?? metrics.getMeterProvider();
    if (this.made === undefined || this.madeBy !== provider) {
      this.made = instrumentsOf(provider);
      this.madeBy = provider;
    }
    return this.made;
  }
}

function instrumentsOf(provider: MeterProvider): Instruments {
  const meter = provider.getMeter(NAME, VERSION);
  return {
    operations: meter.createHistogram('session.store.operation.duration', {
      description: 'How long operations of session stores took.',
      unit: 's',
      advice: DURATIONS,
    }),
    commits: meter.createHistogram('session.commit.duration', {
      description: 'How long it took to store what was changed in a session.',
      unit: 's',
      advice: DURATIONS,
    }),
    events: meter.createCounter('session.events', {
      description: 'What happened to sessions, by the type of the event.',
      unit: '{event}',
    }),
  };
}
