export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** `server`: answers somebody; `client`: waits for somebody; `producer`, `consumer`: the two sides of a queue. */
  readonly kind?: 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
  /** What it is a part of, as W3C's header `traceparent` has it. Left out: of the active span, if there is one. */
  readonly parent?: string | undefined;
}

/** Some work that is under way. */
export interface Span {
  /** For whoever goes on with it elsewhere: W3C's `traceparent`. */
  readonly traceparent: string;
  rename(name: string): void;
  set(attributes: Attributes): void;
}

/** Tells a collector of traces what this process does, and for whom. There is none where nobody asked for it. */
export interface Tracing {
  /** Does the work as a span, which is active meanwhile; a failure is noted, and thrown on. */
  span<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T>;
  /** Notes work that is done. @param startedAt of `performance.now()` */
  note(name: string, options: SpanOptions, startedAt: number): void;
  /** Does work that is a part of what began elsewhere. */
  within<T>(parent: string | undefined, work: () => T): T;
  /** The `traceparent` of the active span; undefined where there is none. */
  readonly active: string | undefined;
  /** Sends what is still to be sent; gives up soon where nobody takes it. Never rejects. */
  close(): Promise<void>;
}
