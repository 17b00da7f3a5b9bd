import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type Span as OtelSpan,
  type SpanOptions as OtelSpanOptions,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { type ExportResult, ExportResultCode, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Log } from '../log.ts';
import type { Span, SpanOptions, Tracing } from './types.ts';

/** A collector that does not answer costs a drain no more than that. */
const EXPORT_TIMEOUT_MS = 2_000;

const kinds = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/** Logs what could not be sent: the SDK keeps that to itself. */
class LoggingExporter extends OTLPTraceExporter {
  readonly #log: Log;

  constructor(endpoint: string, log: Log) {
    super({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS });
    this.#log = log;
  }

  override export(
    spans: Parameters<OTLPTraceExporter['export']>[0],
    done: (result: ExportResult) => void,
  ): void {
    super.export(spans, (result) => {
      if (result.code !== ExportResultCode.SUCCESS) {
        this.#log.warn({ err: result.error, spans: spans.length }, 'traces could not be sent');
      }
      done(result);
    });
  }
}

function createProvider(endpoint: string, log: Log): BasicTracerProvider {
  const exporter = new LoggingExporter(endpoint, log);
  return new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'switchyard' }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter, { exportTimeoutMillis: EXPORT_TIMEOUT_MS })],
  });
}

function traceparentOf(span: OtelSpan): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function contextOf(traceparent: string | undefined): Context {
  const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
  return parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
}

function fail(span: OtelSpan, error: unknown): void {
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  span.setAttribute('error.type', name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** Traces by OpenTelemetry's SDK, with nothing of it global: several apps may share a process. */
export function createOtlpTracing({ endpoint, log }: { endpoint: string; log: Log }): Tracing {
  const provider = createProvider(endpoint, log);
  const tracer = provider.getTracer('switchyard');
  const contexts = new AsyncLocalStorage<Context>();

  function start(name: string, { kind, attributes, parent }: SpanOptions, more: OtelSpanOptions = {}) {
    const context = parent === undefined ? (contexts.getStore() ?? ROOT_CONTEXT) : contextOf(parent);
    const options = {
      ...more,
      ...(kind === undefined ? {} : { kind: kinds[kind] }),
      ...(attributes === undefined ? {} : { attributes }),
    };
    const span = tracer.startSpan(name, options, context);
    return { span, context: trace.setSpan(context, span) };
  }

  function faceOf(span: OtelSpan): Span {
    return {
      traceparent: traceparentOf(span),
      rename: (name) => void span.updateName(name),
      set: (attributes) => void span.setAttributes(attributes),
    };
  }

  return {
    async span(name, options, work) {
      const { span, context } = start(name, options);
      try {
        return await contexts.run(context, () => work(faceOf(span)));
      } catch (error) {
        fail(span, error);
        throw error;
      } finally {
        span.end();
      }
    },
    note(name, options, startedAt) {
      start(name, options, { startTime: startedAt }).span.end();
    },
    within: (parent, work) => contexts.run(contextOf(parent), work),
    get active() {
      const span = trace.getSpan(contexts.getStore() ?? ROOT_CONTEXT);
      return span && traceparentOf(span);
    },
    async close() {
      await provider.shutdown().catch((error: unknown) => {
        log.warn({ err: error }, 'the last traces could not be sent');
      });
    },
  };
}
