import { context, SpanStatusCode, trace, type Context, type Span, type TracerProvider } from '@opentelemetry/api';
import { NAME, VERSION } from './identity.js';
import type { Subject } from './subjects.js';

/** Begins and ends spans. */
export class SessionSpans {
  requireParent = true;
  /** Default: the one that is set globally. */
  provider: TracerProvider | undefined;

  /** A child of the active span. Undefined where there is none and one is required. */
  begin<Message>(subject: Subject<Message>, message: Message, parent: Context): Span | undefined {
    if (this.requireParent && trace.getSpan(parent) === undefined) return undefined;
    const tracer = (this.provider ?? trace.getTracerProvider()).getTracer(NAME, VERSION);
    const kind = subject.spanKind(message);
    return tracer.startSpan(subject.spanName(message), { kind, attributes: subject.attributes(message) }, parent);
  }

  end(span: Span, { outcome, errorType }: { outcome?: string; errorType?: string }): void {
    if (outcome !== undefined) span.setAttribute('session.outcome', outcome);
    // No exception is recorded: its message and its causes may quote what is stored.
    if (errorType !== undefined) {
      span.setAttribute('error.type', errorType);
      span.setStatus({ code: SpanStatusCode.ERROR, message: errorType });
    }
    span.end();
  }
}

/** The context in which something runs whose span this is. */
export function contextOf(span: Span | undefined): Context {
  const active = context.active();
  return span === undefined ? active : trace.setSpan(active, span);
}
