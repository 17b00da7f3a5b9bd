import type { Log } from '../log.ts';
import type { Tracing } from './types.ts';

export type { Attributes, Span, SpanOptions, Tracing } from './types.ts';

export interface TracingOptions {
  /** Of a collector: `http://127.0.0.1:4318`. Null: no traces, and nothing is loaded for them. */
  readonly endpoint: string | null;
  readonly log: Log;
}

/** Sends traces over OTLP; null where nobody asked for it. */
export async function openTracing({ endpoint, log }: TracingOptions): Promise<Tracing | null> {
  if (endpoint === null) return null;
  const { createOtlpTracing } = await import('./otlp.ts');
  return createOtlpTracing({ endpoint, log });
}
