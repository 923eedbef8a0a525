import type { Server, ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { context, metrics, SpanKind, trace, type Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';

/** One series of a metric. */
export interface Series {
  readonly metric: string;
  readonly attributes: Attributes;
  /** Of a counter its sum, of a histogram how many were recorded. */
  readonly count: number;
}

interface DataPoint {
  readonly attributes: Attributes;
  readonly value: number | { readonly count: number };
}

/** OpenTelemetry's SDK as an application sets it up, with exporters in memory. */
export class Telemetry {
  readonly tracerProvider: BasicTracerProvider;
  readonly meterProvider: MeterProvider;
  private readonly spanExporter = new InMemorySpanExporter();
  private readonly metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);

  constructor() {
    this.tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.spanExporter)] });
    // Far longer than any test: it exports when it is told to.
    const reader = new PeriodicExportingMetricReader({ exporter: this.metricExporter, exportIntervalMillis: 600_000 });
    this.meterProvider = new MeterProvider({ readers: [reader] });
  }

  /** Makes these the global providers, as NodeSDK does. */
  register(): void {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this.tracerProvider);
    metrics.setGlobalMeterProvider(this.meterProvider);
  }

  async shutdown(): Promise<void> {
    for (const api of [context, trace, metrics]) api.disable();
    await this.tracerProvider.shutdown();
    await this.meterProvider.shutdown();
  }

  /** Spans that have ended, in that order. */
  get spans(): ReadableSpan[] {
    return this.spanExporter.getFinishedSpans();
  }

  forgetSpans(): void {
    this.spanExporter.reset();
  }

  /** All that was exported, as it would leave the process. */
  async exported(): Promise<unknown> {
    await this.meterProvider.forceFlush();
    return {
      metrics: this.metricExporter.getMetrics(),
      spans: this.spans.map(({ name, kind, attributes, events, links, status, resource, instrumentationScope }) => ({
        ...{ name, kind, attributes, events, links, status, resource: resource.attributes, instrumentationScope },
      })),
    };
  }

  async series(): Promise<Series[]> {
    await this.meterProvider.forceFlush();
    const last = this.metricExporter.getMetrics().at(-1);
    const all = (last?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
    return all.flatMap(({ descriptor, dataPoints }) =>
      (dataPoints as DataPoint[]).map(({ attributes, value }) => ({
        metric: descriptor.name,
        attributes,
        count: typeof value === 'number' ? value : value.count,
      })),
    );
  }

  /** Names and units of the metrics that were exported. */
  async descriptors(): Promise<Record<string, string>> {
    await this.meterProvider.forceFlush();
    const all = this.metricExporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((of) => of.metrics));
    return Object.fromEntries(all.map(({ descriptor: { name, unit } }) => [name, unit]));
  }
}

/** A span around each request, as the instrumentation of node:http makes it. */
export function spanEachRequest(app: INestApplication): void {
  const server = app.getHttpServer() as Server;
  const emit = server.emit.bind(server) as (name: string, ...args: unknown[]) => boolean;
  server.emit = ((name: string, ...args: unknown[]) => {
    if (name !== 'request') return emit(name, ...args);
    const span = trace.getTracer('http').startSpan('POST', { kind: SpanKind.SERVER });
    (args[1] as ServerResponse).once('close', () => {
      span.end();
    });
    return context.with(trace.setSpan(context.active(), span), () => emit(name, ...args));
  }) as Server['emit'];
}

/** The spans by name below their parents, in the order in which they began: `['POST', ['session.store.load']]`. */
export function treesOf(spans: readonly ReadableSpan[]): unknown[] {
  const began = [...spans].sort((a, b) => a.startTime[0] - b.startTime[0] || a.startTime[1] - b.startTime[1]);
  const below = (parent: string | undefined): unknown[] =>
    began
      .filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
      .map((span) => {
        const children = below(span.spanContext().spanId);
        return children.length === 0 ? span.name : { [span.name]: children };
      });
  return below(undefined);
}
